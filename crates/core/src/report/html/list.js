// The raw frames: only those rows are elements that can be seen, so that a hundred thousand scroll as ten do.

const ROW = 24;
const TALL = 560;
/** A browser cannot make an element taller than some thirty million pixels. */
const TALLEST = 12e6;

class FrameList {
  /** `choose` is called with the frame that somebody chose. */
  constructor(data, choose) {
    Object.assign(this, { data, choose, shown: [], selected: null });
    this.body = h('div', { class: 'list-body' });
    this.element = h('div', { class: 'list', id: 'frames', role: 'listbox', tabindex: 0, 'aria-label': 'Frames', onscroll: () => this.draw(),
      onkeydown: (event) => this.key(event), onclick: (event) => this.click(event) }, this.body);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Shows these frames, in this order. */
  show(frames) {
    this.shown = frames;
    this.scale = Math.min(1, TALLEST / Math.max(frames.length * ROW, 1));
    this.body.style.height = `${Math.max(frames.length * ROW * this.scale, ROW)}px`;
    this.element.style.height = `${Math.min(TALL, Math.max(frames.length, 4) * ROW + 2)}px`;
    this.drawn = null;
    this.draw();
  }

  select(frame) {
    this.selected = frame;
    this.drawn = null;
    const index = this.indexOf(frame);
    if (index >= 0) this.reveal(index);
    this.draw();
  }

  indexOf(frame) {
    if (frame === null) return -1;
    const at = lowerBound(this.shown, frame);
    return this.shown[at] === frame ? at : -1;
  }

  reveal(index) {
    const top = index * ROW * this.scale;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.element.scrollTop = top + ROW - clientHeight;
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.scale / ROW) - 4);
    const last = Math.min(this.shown.length, Math.ceil(scrollTop / this.scale / ROW + clientHeight / ROW) + 4);
    const key = `${first} ${last}`;
    if (this.drawn === key) return;
    this.drawn = key;
    const offset = this.scale === 1 ? 0 : scrollTop - Math.floor(scrollTop / this.scale / ROW) * ROW;
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.row(index, offset));
    if (this.shown.length === 0) rows.push(h('p', { class: 'faint' }, 'No frame passes the filter.'));
    this.body.replaceChildren(...rows);
    const index = this.indexOf(this.selected);
    if (index >= first && index < last) this.element.setAttribute('aria-activedescendant', `frame-${this.selected}`);
    else this.element.removeAttribute('aria-activedescendant');
  }

  row(index, offset) {
    const { data } = this;
    const frame = this.shown[index];
    const own = data.marks.get(frame);
    const role = own ? worst(own.map((number) => data.findings[number])) : '';
    const lane = data.lane[frame] === null ? '' : laneMark(data.lane[frame] + 1);
    const row = h('div', { class: `row ${role}`, id: `frame-${frame}`, role: 'option', 'data-frame': frame,
      'aria-selected': String(frame === this.selected), 'aria-posinset': index + 1, 'aria-setsize': this.shown.length },
      h('span', { class: 'n' }, frame), h('span', { class: 'at' }, moment(data.at[frame])),
      h('span', { class: `side ${data.sides[frame] === '>' ? 'client' : 'server'}` }, data.sides[frame]),
      h('span', { class: data.name[frame] === null ? 'name faint' : 'name' }, nameOf(data, frame), h('i', {}, lane)),
      h('span', { class: 'gap' }, data.gap[frame] === null ? '' : span(data.gap[frame])),
      h('span', { class: 'text' }, data.text[frame].slice(0, 200)));
    row.style.top = `${index * ROW + offset}px`;
    return row;
  }

  click(event) {
    const row = event.target.closest('[data-frame]');
    if (row) this.choose(Number(row.dataset.frame));
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || this.shown.length === 0) return;
    event.preventDefault();
    const at = this.indexOf(this.selected);
    const next = Math.min(Math.max(at + steps[event.key], 0), this.shown.length - 1);
    this.choose(this.shown[next]);
  }
}

/** The first place in a sorted list whose value is not below this one. */
function lowerBound(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
