// A run on a line of time: a row for the client, one for the server, one for lanes; below each event the golden's envelope.

const LINE = 40;
const AXIS = 22;
const GUTTER = 118;
/** Lanes share a row where one ends before the other begins; beyond this many rows they share anyway. */
const MAX_TRACKS = 14;

class Timeline {
  /** `choose` is called with the frame that somebody chose. */
  constructor(data, choose) {
    Object.assign(this, { data, choose, selected: null, isShown: () => true });
    this.layout();
    this.full = { from: -0.01 * this.extent, to: 1.02 * this.extent };
    this.view = this.beginning();
    this.canvas = h('canvas', { 'aria-hidden': 'true' });
    this.element = h('div', { class: 'timeline', id: 'timeline', tabindex: 0, role: 'application',
      'aria-roledescription': 'timeline', 'aria-label': `Timeline of ${plural(data.count, 'frame')} in ${span(data.end)}`, 'aria-describedby': 'timeline-keys' }, this.canvas);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  /** Where events are: a session often listens for long after the last of them. */
  beginning() {
    const last = Math.max(this.data.at[this.data.name.findLastIndex((name) => name !== null)] ?? 0, this.extent - this.data.end);
    return last > 0 && last < 0.75 * this.extent ? { from: -0.01 * last, to: 1.1 * last } : { ...this.full };
  }

  /** Gives every frame a row, and every lane a place that is free while it lasts. */
  layout() {
    const { data } = this;
    this.spans = data.lanes.map(() => null);
    for (let frame = 0; frame < data.count; frame += 1) {
      const lane = data.lane[frame];
      if (lane === null) continue;
      this.spans[lane] ??= { lane, from: data.at[frame], to: data.at[frame], track: 0 };
      this.spans[lane].to = data.at[frame];
    }
    const ends = [];
    for (const own of this.spans.filter(Boolean).toSorted((a, b) => a.from - b.from)) {
      let track = ends.findIndex((end) => end < own.from);
      if (track < 0) track = ends.length < MAX_TRACKS ? ends.length : ends.indexOf(Math.min(...ends));
      ends[track] = Math.max(ends[track] ?? 0, own.to);
      own.track = track;
    }
    this.tracks = ends.length;
    this.height = AXIS + (2 + this.tracks) * LINE;
    const late = data.ghosts.map((ghost) => this.ghostReach(ghost)?.to ?? 0);
    this.extent = Math.max(data.end, ...late.map((to) => Math.min(to, 3 * data.end)));
  }

  rowOf(frame) {
    const lane = this.data.lane[frame];
    if (lane !== null && this.data.sides[frame] === '<') return 2 + this.spans[lane].track;
    return this.data.sides[frame] === '>' ? 0 : 1;
  }

  /** When an event was allowed to come that never did. */
  ghostReach(ghost) {
    const { data } = this;
    const edge = ghost.after && data.edgeOf.get(`${data.names[ghost.name]}\n${data.names[ghost.after[0]]}`);
    if (!edge) return null;
    const { from, to } = reach(edge);
    return { from: ghost.after[1] + from, to: ghost.after[1] + to, usual: ghost.after[1] + edge.usual };
  }

  x(ns) {
    return GUTTER + ((ns - this.view.from) / (this.view.to - this.view.from)) * (this.width - GUTTER - 8);
  }

  time(x) {
    return this.view.from + ((x - GUTTER) / (this.width - GUTTER - 8)) * (this.view.to - this.view.from);
  }

  show(isShown) {
    this.isShown = isShown;
    this.draw();
  }

  select(frame) {
    this.selected = frame;
    const at = frame === null ? null : this.data.at[frame];
    if (at !== null && (at < this.view.from || at > this.view.to)) this.pan(at - (this.view.from + this.view.to) / 2);
    this.draw();
  }

  zoom(factor, around = this.middle()) {
    const width = Math.min(Math.max((this.view.to - this.view.from) * factor, 2000), this.full.to - this.full.from);
    const share = (around - this.view.from) / (this.view.to - this.view.from);
    this.place(around - share * width, width);
    say(`${span(this.view.to - this.view.from)} are shown`);
  }

  middle() {
    const at = this.selected === null ? null : this.data.at[this.selected];
    return at !== null && at >= this.view.from && at <= this.view.to ? at : (this.view.from + this.view.to) / 2;
  }

  pan(by) {
    this.place(this.view.from + by, this.view.to - this.view.from);
  }

  fit() {
    this.place(this.full.from, this.full.to - this.full.from);
  }

  place(from, width) {
    const least = Math.min(Math.max(from, this.full.from), this.full.to - width);
    this.view = { from: least, to: least + width };
    this.element.dataset.width = String(width);
    this.draw();
  }

  /** Draws at the next frame, however often it is asked. */
  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      this.paint();
    });
  }

  paint() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.element.clientWidth;
    if (this.width < GUTTER * 2) return;
    if (this.canvas.width !== Math.round(this.width * ratio) || this.canvas.height !== Math.round(this.height * ratio)) {
      [this.canvas.width, this.canvas.height] = [Math.round(this.width * ratio), Math.round(this.height * ratio)];
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${this.height}px`;
    }
    const pen = this.canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.ink = inks();
    this.paintAxis(pen);
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, 0, this.width - GUTTER, this.height);
    pen.clip();
    const visible = this.visible();
    this.paintSpans(pen);
    this.paintBands(pen, visible);
    this.paintMarks(pen, visible);
    this.data.ghosts.forEach((ghost) => this.paintGhost(pen, ghost));
    if (this.selected !== null) this.paintSelected(pen, this.selected);
    pen.restore();
    this.paintGutter(pen);
  }

  visible() {
    const { data, view } = this;
    const slack = (view.to - view.from) * 0.02;
    return { first: lowerBound(data.at, view.from - slack), last: Math.min(lowerBound(data.at, view.to + slack), data.count) };
  }

  paintAxis(pen) {
    const step = niceStep((this.view.to - this.view.from) / Math.max((this.width - GUTTER) / 110, 1));
    pen.font = this.ink.font;
    pen.textBaseline = 'middle';
    for (let at = Math.ceil(Math.max(this.view.from, 0) / step) * step; at <= this.view.to; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      line(pen, this.ink.grid, x, AXIS, x, this.height);
      pen.fillStyle = this.ink.faint;
      pen.fillText(span(at), x + 4, AXIS / 2);
    }
    const ended = this.x(this.data.end);
    line(pen, this.ink.faint, ended, AXIS, ended, this.height);
    for (let frame = this.data.kinds.indexOf('n'); frame >= 0; frame = this.data.kinds.indexOf('n', frame + 1)) {
      const x = this.x(this.data.at[frame]);
      pen.setLineDash([3, 3]);
      line(pen, this.ink.accent, x, AXIS, x, this.height);
      pen.setLineDash([]);
    }
  }

  paintGutter(pen) {
    pen.fillStyle = this.ink.paper;
    pen.fillRect(0, 0, GUTTER - 6, this.height);
    pen.font = this.ink.font;
    pen.textBaseline = 'middle';
    for (let row = 0; row < 2 + this.tracks; row += 1) {
      const y = AXIS + row * LINE;
      line(pen, this.ink.grid, 0, y + 0.5, this.width, y + 0.5);
      pen.fillStyle = row < 2 ? this.ink.text : this.ink.faint;
      pen.fillText(row === 0 ? '> client' : row === 1 ? '< server' : this.trackName(row - 2), 4, y + LINE / 2, GUTTER - 14);
    }
  }

  trackName(track) {
    const own = this.spans.filter((one) => one && one.track === track);
    const [key, value] = this.data.lanes[own[0].lane];
    if (own.length > 1) return `${key} ×${own.length}`;
    return `${laneMark(own[0].lane + 1)} ${value.length > 15 ? `…${value.slice(-13)}` : value}`;
  }

  /** A lane lasts from its first event to its last. */
  paintSpans(pen) {
    pen.fillStyle = this.ink.lane;
    for (const own of this.spans) {
      if (!own || own.to < this.view.from || own.from > this.view.to) continue;
      const y = AXIS + (2 + own.track) * LINE;
      pen.fillRect(this.x(own.from), y + 15, Math.max(this.x(own.to) - this.x(own.from), 1), 10);
    }
  }

  /** From the earliest to the latest that the golden allows after the cause; those that overlap are one. */
  paintBands(pen, { first, last }) {
    const open = new Map();
    const flush = (row) => {
      const band = open.get(row);
      if (band) pen.fillRect(band.from, AXIS + row * LINE + 30, Math.max(band.to - band.from, 1), 5);
    };
    pen.fillStyle = this.ink.band;
    for (let frame = first; frame < last; frame += 1) {
      const edge = edgeOf(this.data, frame);
      if (!edge || !this.isShown(frame)) continue;
      const cause = this.data.at[frame] - this.data.gap[frame];
      const { from, to } = reach(edge);
      const row = this.rowOf(frame);
      const band = { from: this.x(cause + from), to: this.x(cause + to) };
      const known = open.get(row);
      if (known && band.from <= known.to + 0.5) known.to = Math.max(known.to, band.to);
      else {
        flush(row);
        open.set(row, band);
      }
    }
    for (const row of open.keys()) flush(row);
  }

  /** Marks of one row in one pixel are one mark; a name is written where it is new and there is room. */
  paintMarks(pen, { first, last }) {
    const { data } = this;
    const rows = Array.from({ length: 2 + this.tracks }, () => ({ pixel: -1, right: -1, name: null }));
    pen.font = this.ink.font;
    pen.textBaseline = 'middle';
    // Of so many nobody reads a name.
    const isDense = last - first > (this.width - GUTTER) / 2;
    for (let frame = first; frame < last; frame += 1) {
      const row = this.rowOf(frame);
      const x = Math.round(this.x(data.at[frame]));
      const own = data.marks.get(frame);
      const known = rows[row];
      if (known.pixel === x && !own) continue;
      known.pixel = x;
      const isShown = this.isShown(frame);
      const y = AXIS + row * LINE;
      const role = own ? worst(own.map((number) => data.findings[number])) : null;
      pen.fillStyle = !isShown ? this.ink.grid : role ? this.ink[role] : data.name[frame] === null ? this.ink.faint : data.sides[frame] === '>' ? this.ink.client : this.ink.accent;
      const [width, height] = role ? [5, 18] : isDense ? [1, 10] : [3, 14];
      pen.fillRect(x - width / 2, y + 20 - height / 2, width, height);
      if (!isShown || (isDense && !role)) continue;
      const name = nameOf(data, frame);
      if ((name !== known.name || role) && x > known.right) {
        pen.fillStyle = role ? this.ink[role] : this.ink.faint;
        const { width: room } = pen.measureText(name);
        pen.fillText(name, Math.min(x - 1, this.width - room - 4), y + 7);
        known.right = x + room + 8;
        known.name = name;
      } else if (name !== known.name) known.name = null;
    }
  }

  /** An event that did not come: an empty box where it was due. */
  paintGhost(pen, ghost) {
    const { data } = this;
    const row = ghost.lane !== null && this.spans[ghost.lane] ? 2 + this.spans[ghost.lane].track : data.names[ghost.name].startsWith('>') ? 0 : 1;
    const y = AXIS + row * LINE;
    const due = this.ghostReach(ghost);
    const x = this.x(due ? due.usual : ghost.at);
    pen.strokeStyle = this.ink.bad;
    pen.setLineDash([3, 2]);
    pen.strokeRect(x - 3.5, y + 12.5, 7, 15);
    pen.setLineDash([]);
    if (due) {
      pen.globalAlpha = 0.35;
      pen.fillStyle = this.ink.bad;
      pen.fillRect(this.x(due.from), y + 30, Math.max(this.x(due.to) - this.x(due.from), 2), 5);
      pen.globalAlpha = 1;
    }
    const words = `${data.names[ghost.name]} missing`;
    const width = pen.measureText(words).width;
    pen.fillStyle = this.ink.paper;
    pen.fillRect(x + 7, y + 12, width + 4, 16);
    pen.fillStyle = this.ink.bad;
    pen.fillText(words, x + 9, y + 20);
  }

  /** The chosen event, with its own envelope over the whole row. */
  paintSelected(pen, frame) {
    const { data } = this;
    const y = AXIS + this.rowOf(frame) * LINE;
    const x = this.x(data.at[frame]);
    const edge = edgeOf(data, frame);
    if (edge) {
      const cause = data.at[frame] - data.gap[frame];
      const { from, to } = reach(edge);
      pen.globalAlpha = 0.28;
      pen.fillStyle = this.ink.usual;
      pen.fillRect(this.x(cause + from), y + 1, Math.max(this.x(cause + to) - this.x(cause + from), 2), LINE - 2);
      pen.globalAlpha = 1;
      pen.setLineDash([2, 2]);
      line(pen, this.ink.usual, this.x(cause + edge.usual), y + 1, this.x(cause + edge.usual), y + LINE - 1);
      pen.setLineDash([]);
      line(pen, this.ink.usual, this.x(cause + to), y + 1, this.x(cause + to), y + LINE - 1);
    }
    pen.strokeStyle = this.ink.text;
    pen.lineWidth = 1.5;
    pen.strokeRect(x - 5, y + 9, 10, 22);
    pen.lineWidth = 1;
  }

  listen() {
    const { element } = this;
    element.addEventListener('keydown', (event) => this.key(event));
    element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    element.addEventListener('pointerdown', (event) => this.drag(event));
    element.addEventListener('dblclick', (event) => this.zoom(0.4, this.time(event.offsetX)));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const width = this.view.to - this.view.from;
    const actions = {
      '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), 0: () => this.fit(),
      PageDown: () => this.pan(width * 0.8), PageUp: () => this.pan(-width * 0.8),
      ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1),
      Home: () => this.choose(this.next(-1, 1)), End: () => this.choose(this.next(this.data.count, -1)),
      n: () => this.choose(this.next(this.selected ?? -1, 1, (frame) => this.data.shows.has(frame))),
      p: () => this.choose(this.next(this.selected ?? this.data.count, -1, (frame) => this.data.shows.has(frame))),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  step(by) {
    this.choose(this.next(this.selected ?? (by > 0 ? -1 : this.data.count), by));
  }

  /** The next frame in a direction that passes the filter; the present one when there is none. */
  next(from, by, is = () => true) {
    for (let frame = from + by; frame >= 0 && frame < this.data.count; frame += by) {
      if (this.isShown(frame) && is(frame)) return frame;
    }
    return this.selected;
  }

  /** Zooms with Ctrl (or a pinch), pans with a sideways turn; an ordinary turn scrolls the page. */
  wheel(event) {
    if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(event.deltaY / 200), this.time(event.offsetX));
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan((event.deltaX / this.width) * (this.view.to - this.view.from));
    else return;
    event.preventDefault();
  }

  drag(event) {
    if (event.button !== 0) return;
    const { element } = this;
    const [x, from] = [event.offsetX, this.view.from];
    const scale = (this.view.to - this.view.from) / (this.width - GUTTER - 8);
    let moved = false;
    const move = (now) => {
      moved ||= Math.abs(now.offsetX - x) > 3;
      if (moved) this.place(from - (now.offsetX - x) * scale, this.view.to - this.view.from);
    };
    element.setPointerCapture(event.pointerId);
    element.addEventListener('pointermove', move);
    const up = (now) => {
      element.removeEventListener('pointermove', move);
      if (!moved && now.type === 'pointerup') this.hit(now.offsetX, now.offsetY);
    };
    element.addEventListener('pointerup', up, { once: true });
  }

  /** Chooses the frame nearest to a point, of this row if it has one. */
  hit(x, y) {
    const row = Math.floor((y - AXIS) / LINE);
    const at = lowerBound(this.data.at, this.time(x));
    const distance = (frame) => Math.abs(this.x(this.data.at[frame]) - x) + (this.rowOf(frame) === row ? 0 : 200);
    let best = null;
    for (let frame = Math.max(0, at - 400); frame < Math.min(this.data.count, at + 400); frame += 1) {
      if (this.isShown(frame) && (best === null || distance(frame) < distance(best))) best = frame;
    }
    if (best !== null && distance(best) < 240) this.choose(best);
  }
}

function line(pen, ink, x1, y1, x2, y2) {
  pen.strokeStyle = ink;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

/** 1, 2 or 5 times a power of ten, not below this. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((one) => one * power).find((step) => step >= least);
}

/** The colours of the page as they are now. */
function inks() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ['text', 'faint', 'grid', 'paper', 'accent', 'client', 'lane', 'band', 'usual', 'bad', 'doubt'];
  return { ...Object.fromEntries(names.map((name) => [name, of(name)])), font: `11px ${of('mono')}` };
}
