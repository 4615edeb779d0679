// Elements, and how things are written. Every text becomes a text node: nothing that a server said can be markup.

/** An element with properties and children; `class`, `on…`, `data-…`, `aria-…` and the like are understood. */
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false).map(seen));
  return element;
}

/** The same for SVG. */
function s(tag, props = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  set(element, props);
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false).map(seen));
  return element;
}

/** A text in which nothing turns the order of its letters or hides in a word. */
function seen(text) {
  if (typeof text !== 'string') return text;
  const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
  return text.replace(unseen, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : seen(String(value)));
  }
}

/** `1 run`, `2 runs`. */
function plural(count, one) {
  return `${group(count)} ${one}${count === 1 ? '' : 's'}`;
}

/** 100 000 rather than 100000. */
function group(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** Nanoseconds with three significant digits: `41 ms`, `1.83 ms`. */
function span(ns) {
  const [value, unit] = ns >= 999.5e6 ? [ns / 1e9, 's'] : ns >= 999.5e3 ? [ns / 1e6, 'ms'] : [ns / 1e3, 'µs'];
  const digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  const text = value.toFixed(digits);
  return `${digits > 0 ? text.replace(/\.?0+$/, '') : text}\u00a0${unit}`;
}

/** A moment since the handshake, always in milliseconds so that a column lines up. */
function moment(ns) {
  return `${(ns / 1e6).toFixed(3)}\u00a0ms`;
}

function bytes(count) {
  return count < 1024 ? `${count}\u00a0B` : `${(count / 1024).toFixed(1)}\u00a0KiB`;
}

/** ① to ⑳, then the number in parentheses. */
function laneMark(lane) {
  return lane <= 0 ? '' : lane <= 20 ? String.fromCodePoint(0x245f + lane) : `(${lane})`;
}

const WORDS = {
  conforms: { sign: '✓', role: 'good' },
  drift: { sign: '!', role: 'doubt' },
  deviates: { sign: '✕', role: 'bad' },
  'could not judge': { sign: '?', role: 'bad' },
  'no difference shown': { sign: '✓', role: 'good' },
  'perhaps a difference': { sign: '!', role: 'doubt' },
  'the releases differ': { sign: '✕', role: 'bad' },
  'could not compare': { sign: '?', role: 'bad' },
  'not asked': { sign: '–', role: 'faint' },
  'not judged': { sign: '·', role: 'faint' },
};

/** How a verdict looks: a sign that is read without colour, and a role. */
function look(verdict) {
  return WORDS[verdict] ?? { sign: '?', role: 'faint' };
}

/** Two texts with what they do not share at the beginning and the end marked. */
function twoTexts(before, after) {
  const [a, b] = [Array.from(before), Array.from(after)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const shared = start + end;
  const marked = (text, tag) => {
    if (shared < 2 || shared * 2 < Math.max(a.length, b.length)) return [text.join('')];
    const middle = text.slice(start, text.length - end).join('');
    return [text.slice(0, start).join(''), middle && h(tag, {}, middle), text.slice(text.length - end).join('')];
  };
  return [marked(a, 'mark'), marked(b, 'mark')];
}

/** Says something to those who listen instead of looking. */
function say(text) {
  document.getElementById('said').textContent = text;
}
