// Zoom and search of a flame graph. Copied into the SVG by flamegraph_svg.py; the frames are drawn
// already, so where no script may run only these two are missing.
'use strict';
(function () {
  const svg = document.documentElement;
  const margin = Number(svg.dataset.margin);
  const characterWidth = Number(svg.dataset.character);
  const full = svg.viewBox.baseVal.width - 2 * margin;
  const byId = (id) => document.getElementById(id);

  const frames = Array.from(document.querySelectorAll('.f'), (group) => {
    const rect = group.querySelector('rect');
    return {
      group, rect,
      text: group.querySelector('text'),
      name: group.dataset.name,
      x: Number(rect.getAttribute('x')) - margin,
      width: Number(rect.getAttribute('width')),
      y: Number(rect.getAttribute('y')),
    };
  });
  // Coordinates in the file are rounded to hundredths.
  const slack = 0.02;

  function fitting(text, width) {
    const room = Math.floor((width - 4) / characterWidth);
    if (room < 3) return '';
    return text.length <= room ? text : text.slice(0, room - 2) + '..';
  }

  // Shows `root` in the full width, what it was called by above its whole width, and hides the rest.
  function zoom(root) {
    const scale = full / root.width;
    for (const frame of frames) {
      const below = frame.y > root.y;
      const covers = frame.x <= root.x + slack &&
          frame.x + frame.width >= root.x + root.width - slack;
      const inside = !below && frame.x >= root.x - slack &&
          frame.x + frame.width <= root.x + root.width + slack;
      const past = below && covers;
      frame.group.style.display = past || inside ? '' : 'none';
      frame.group.classList.toggle('past', past);
      if (!past && !inside) continue;
      const x = margin + (past ? 0 : (frame.x - root.x) * scale);
      const width = past ? full : frame.width * scale;
      frame.rect.setAttribute('x', x);
      frame.rect.setAttribute('width', width);
      frame.text.setAttribute('x', x + 2);
      frame.text.textContent = fitting(frame.name, width);
    }
    byId('reset').setAttribute('visibility', root === whole ? 'hidden' : 'visible');
  }

  // Marks what matches and tells its share; frames within a frame that matches count once.
  function search(pattern) {
    let expression = null;
    try {
      expression = pattern ? new RegExp(pattern, 'i') : null;
    } catch (wrong) {
      byId('found').textContent = wrong.message;
      return;
    }
    const matching = [];
    for (const frame of frames) {
      const found = expression !== null && expression.test(frame.name);
      frame.group.classList.toggle('found', found);
      if (found) matching.push(frame);
    }
    // Outer frames first: of two in one stack the lower one covers the other.
    matching.sort((a, b) => a.x - b.x || b.width - a.width);
    let covered = 0;
    let end = -1;
    for (const frame of matching) {
      if (frame.x < end - slack) continue;
      covered += frame.width;
      end = frame.x + frame.width;
    }
    byId('found').textContent =
        expression === null ? '' : `${pattern}: ${(100 * covered / full).toFixed(2)} %`;
  }

  const whole = frames[0];
  for (const frame of frames) frame.group.addEventListener('click', () => zoom(frame));
  byId('reset').addEventListener('click', () => zoom(whole));
  const ask = () => {
    const pattern = window.prompt('regular expression, empty: none');
    if (pattern !== null) search(pattern);
  };
  byId('search').addEventListener('click', ask);
  window.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== 'f') return;
    event.preventDefault();
    ask();
  });
})();
