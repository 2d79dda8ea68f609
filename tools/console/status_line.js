// StatusLine: what the page has to say about itself, of several matters one at a time.
//
// It lies over the page and not in it, so that words that come and go move no row.

export class StatusLine {
  // `matters` are names, the most important one first.
  constructor(element, matters) {
    this.element = element;
    this.texts = new Map(matters.map((matter) => [matter, '']));
  }

  // Says `text` about `matter`; '' takes back what was said.
  say(matter, text) {
    this.texts.set(matter, text);
    const shown = [...this.texts.values()].find((each) => each !== '') ?? '';
    // The same words again would be read aloud again.
    if (this.element.textContent !== shown) this.element.textContent = shown;
    this.element.hidden = shown === '';
  }
}
