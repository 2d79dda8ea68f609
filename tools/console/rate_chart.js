// RateChart: one number per second over the last minute, as an area on a canvas.

const SECONDS = 60;

export class RateChart {
  constructor(canvas) {
    this.canvas = canvas;
    this.values = [];
  }

  // Adds the value of the second that just ended and draws. The colour is the element's own, so
  // that the palette stays in the style sheet.
  add(value) {
    this.values.push(value);
    if (this.values.length > SECONDS) this.values.shift();
    const { width, height } = this.canvas;
    const peak = Math.max(1, ...this.values);
    const step = width / (SECONDS - 1);
    const y = (v) => height - 2 - (v / peak) * (height - 6);
    const left = width - (this.values.length - 1) * step;

    const line = new Path2D();
    this.values.forEach((v, i) => line.lineTo(left + i * step, y(v)));
    const area = new Path2D(line);
    area.lineTo(width, height);
    area.lineTo(left, height);

    const pen = this.canvas.getContext('2d');
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = pen.strokeStyle = getComputedStyle(this.canvas).color;
    pen.globalAlpha = 0.18;
    pen.fill(area);
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    pen.stroke(line);
  }
}
