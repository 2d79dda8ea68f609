// Metrics: a page in the Prometheus text format, read as strictly as the format is written.
//
// A scraper forgives much; this reader forgives nothing, so that it serves as the format's test:
// names, help, type before samples, families in one piece, no sample twice, histograms cumulative.
// Source: the exposition formats page of the Prometheus documentation, version 0.0.4.

import assert from 'node:assert/strict';

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const NUMBER = '[+-]?(?:[0-9]+(?:\\.[0-9]*)?(?:e[+-]?[0-9]+)?|Inf)|NaN';
const HELP_LINE = new RegExp(`^# HELP (${NAME}) (.+)$`);
const TYPE_LINE = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`);
const SAMPLE_LINE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (${NUMBER})$`);
const LABEL_PART = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;

function parseNumber(text) {
  return text.endsWith('Inf') ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
}

function parseLabels(text) {
  const labels = {};
  for (const [, name, value] of (text ?? '').matchAll(LABEL_PART)) {
    assert.ok(!(name in labels), `label ${name} is there twice`);
    labels[name] = value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

function familyOf(sampleName, families) {
  if (families.has(sampleName)) return sampleName;
  const stem = sampleName.replace(/_(bucket|sum|count)$/, '');
  return families.get(stem)?.type === 'histogram' ? stem : undefined;
}

export class Metrics {
  constructor(text) {
    assert.ok(text.endsWith('\n'), 'the last line ends like the others');
    this.families = new Map();
    this.samples = [];
    const seen = new Set();
    let open;
    text.slice(0, -1).split('\n').forEach((line, index) => {
      const where = `line ${index + 1}: ${line}`;
      const help = HELP_LINE.exec(line);
      const type = TYPE_LINE.exec(line);
      const sample = SAMPLE_LINE.exec(line);
      if (help) {
        assert.ok(!this.families.has(help[1]), `a family comes twice: ${where}`);
        this.families.set(help[1], { help: help[2], type: undefined });
        open = help[1];
      } else if (type) {
        assert.equal(type[1], open, `a type stands right behind its help: ${where}`);
        this.families.get(open).type = type[2];
      } else {
        assert.ok(sample, `neither help, type nor sample: ${where}`);
        const family = familyOf(sample[1], this.families);
        assert.equal(family, open, `a sample lies outside its family: ${where}`);
        assert.ok(this.families.get(family).type, `a sample comes before its type: ${where}`);
        const id = `${sample[1]}{${sample[2] ?? ''}}`;
        assert.ok(!seen.has(id), `a sample comes twice: ${where}`);
        seen.add(id);
        this.samples.push(
          { name: sample[1], labels: parseLabels(sample[2]), value: parseNumber(sample[3]) });
      }
    });
    this.#checkValues();
  }

  #checkValues() {
    for (const { name, value } of this.samples) {
      const { type } = this.families.get(familyOf(name, this.families));
      if (type === 'gauge') continue;
      assert.ok(value >= 0, `${name} counts and is ${value}`);
      if (type === 'counter') assert.match(name, /_total$/, 'a counter ends in _total');
    }
    for (const [name, { type }] of this.families) {
      if (type === 'histogram') this.#checkHistogram(name);
    }
  }

  // The buckets of each series grow with their bounds and end at +Inf with the count.
  #checkHistogram(name) {
    const series = new Map();
    for (const sample of this.samples) {
      if (sample.name !== `${name}_bucket`) continue;
      const { le, ...labels } = sample.labels;
      const key = JSON.stringify(labels);
      if (!series.has(key)) series.set(key, { labels, buckets: [] });
      series.get(key).buckets.push({ le: parseNumber(le.replace('+Inf', 'Inf')), n: sample.value });
    }
    assert.ok(series.size > 0, `${name} has buckets`);
    for (const { labels, buckets } of series.values()) {
      for (let i = 1; i < buckets.length; ++i) {
        assert.ok(buckets[i].le > buckets[i - 1].le, `${name}: bounds ascend`);
        assert.ok(buckets[i].n >= buckets[i - 1].n, `${name}: buckets are cumulative`);
      }
      assert.equal(buckets.at(-1).le, Infinity, `${name} ends at +Inf`);
      assert.equal(buckets.at(-1).n, this.sum(`${name}_count`, labels), `${name}: count`);
    }
  }

  // The sum over all samples of `name` that carry these labels; the name has to exist.
  sum(name, labels = {}) {
    assert.ok(familyOf(name, this.families), `there is a metric ${name}`);
    return this.#matching(name, labels).reduce((total, sample) => total + sample.value, 0);
  }

  // {label's value: sum}, without those that are 0.
  by(name, label) {
    const sums = {};
    for (const { labels, value } of this.#matching(name, {})) {
      if (value !== 0) sums[labels[label]] = (sums[labels[label]] ?? 0) + value;
    }
    return sums;
  }

  // Connections ended for `code`, "3012" or the like.
  closes(code) {
    return this.#matching('tickcast_closes_total', {})
      .filter(({ labels }) => labels.reason.startsWith(code))
      .reduce((total, { value }) => total + value, 0);
  }

  // What subscribers were owed, and what became of it.
  ledger() {
    const delivered = this.sum('tickcast_publications_delivered_total');
    const conflated = this.sum('tickcast_publications_conflated_total');
    const skipped = this.sum('tickcast_publications_skipped_total');
    return {
      owed: this.sum('tickcast_publications_owed_total'), delivered, conflated, skipped,
      accounted: delivered + conflated + skipped,
    };
  }

  #matching(name, labels) {
    return this.samples.filter((sample) => sample.name === name &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  }
}
