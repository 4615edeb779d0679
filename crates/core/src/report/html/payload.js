// One frame in full: what it says beside what the golden wants, old → new.

/** More lines of a payload are not drawn. */
const MAX_LINES = 3000;

function frameDetail(data, frame) {
  if (frame === null) return [h('p', { class: 'faint' }, 'Choose an event in the timeline or in the list.')];
  const own = (data.marks.get(frame) ?? []).map((number) => data.findings[number]);
  const missed = data.findings.filter((finding) => finding.kind === 'missing' && Math.min(finding.frames[0] ?? Infinity, data.count - 1) === frame);
  const lane = data.lane[frame] === null ? null : data.lanes[data.lane[frame]];
  const edge = edgeOf(data, frame);
  const client = data.sides[frame] === '>';
  return [
    h('h3', {}, h('span', { class: `side ${client ? 'client' : 'server'}`, 'aria-hidden': 'true' }, data.sides[frame]), ' ', nameOf(data, frame)),
    h('p', { class: 'meta' }, `frame ${frame}, line ${frame + 2} · ${client ? 'client' : 'server'} · ${moment(data.at[frame])} · ${KINDS[data.kinds[frame]]}, ${bytes(data.size[frame])}`,
      lane && [' · ', h('span', { class: 'lane' }, laneMark(data.lane[frame] + 1), ` ${lane[0]} = ${lane[1]}`)]),
    ...[...own, ...missed].map((finding) => h('p', { class: `said ${worst([finding])}` }, h('span', { class: `tag ${worst([finding])}` }, finding.kind), ' ', finding.message)),
    data.gap[frame] !== null && (edge
      ? envelope(edge, data.gap[frame], within(edge, data.gap[frame]))
      : h('p', { class: 'meta' }, `${span(data.gap[frame])} after ${data.names[data.after[frame]]}; the golden has no bound for it`)),
    payload(data, frame, own),
    data.size[frame] > data.text[frame].length * 4 && h('p', { class: 'notice' }, `Only the beginning of ${bytes(data.size[frame])} is in this page.`),
  ].filter(Boolean);
}

/** What a gap by itself is; where the golden has no bound it only knows what it saw. */
function within(edge, gap) {
  if (edge.latest === null) return 'faint';
  return gap <= edge.latest && gap >= (edge.earliest ?? 0) ? 'good' : 'doubt';
}

function payload(data, frame, findings) {
  const text = data.text[frame];
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return h('pre', { class: 'payload', tabindex: 0 }, text || '(empty)');
  }
  const rules = new Map((data.shapes[data.names[data.name[frame]]] ?? []).map(([path, rule]) => [path.replace(/\?$/, ''), rule]));
  const lines = [];
  new Walk(lines, rules, changesOf(findings, frame)).value('', '', '', value, 0, '');
  const left = lines.length - MAX_LINES;
  if (left > 0) lines.length = MAX_LINES;
  return h('div', { class: 'payload', tabindex: 0, role: 'group', 'aria-label': 'Payload, with what differs from the golden' },
    ...lines, left > 0 && h('p', { class: 'notice' }, `and ${plural(left, 'line')} more`));
}

/** What findings say of the values in a frame: by path what was expected, and what is absent. */
function changesOf(findings, frame) {
  const changes = new Map();
  for (const finding of findings) {
    const isFirst = finding.frames[0] === frame;
    if (finding.kind === 'field-moved') {
      if (finding.expected?.startsWith('/')) changes.set(finding.expected, { absent: true, note: `moved to ${finding.actual}` });
      if (finding.actual?.startsWith('/')) changes.set(finding.actual, { note: `was ${finding.expected}`, isNew: true });
    } else if (finding.path !== undefined) {
      changes.set(finding.path, {
        absent: finding.kind === 'field-missing',
        isNew: finding.kind === 'field-new',
        expected: isFirst || finding.kind !== 'relation' ? finding.expected : undefined,
        note: finding.kind.replaceAll('-', ' '),
      });
    }
  }
  return changes;
}

/** Writes a JSON value line by line. A path is that of the value, a pattern the golden's, with `*` for items. */
class Walk {
  constructor(lines, rules, changes) {
    Object.assign(this, { lines, rules, changes });
  }

  value(path, pattern, key, value, depth, comma) {
    if (this.lines.length > MAX_LINES) return;
    const isList = Array.isArray(value);
    if (value === null || typeof value !== 'object' || Object.keys(value).length === 0) {
      this.line(path, pattern, key, JSON.stringify(value), depth, comma, typeof value);
      return;
    }
    this.line(path, pattern, key, isList ? '[' : '{', depth, '', 'mark');
    const keys = Object.keys(value);
    const gone = isList ? [] : this.absent(pattern, value);
    keys.forEach((own, index) => {
      const step = `/${own.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const isLast = index === keys.length - 1;
      this.value(path + step, isList ? `${pattern}/*` : pattern + step, isList ? '' : own, value[own], depth + 1, isLast ? '' : ',');
    });
    gone.forEach(([own, change]) => this.missing(own, change, depth + 1));
    this.line(null, null, '', isList ? ']' : '}', depth, comma, 'mark');
  }

  /** Fields of this object that should be there and are not. */
  absent(pattern, value) {
    const all = [...this.changes].filter(([, change]) => change.absent).map(([path, change]) => {
      const cut = path.lastIndexOf('/');
      return [path.slice(0, cut), path.slice(cut + 1).replaceAll('~1', '/').replaceAll('~0', '~'), change];
    });
    return all.filter(([parent, own]) => parent === pattern && !(own in value)).map(([, own, change]) => [own, change]);
  }

  line(path, pattern, key, text, depth, comma, type) {
    const change = path === null ? undefined : this.changes.get(path) ?? this.changes.get(pattern);
    const isChanged = change !== undefined && !change.absent;
    const rule = path === null ? undefined : this.rules.get(pattern);
    const before = isChanged && change.expected !== undefined && !change.isNew ? [h('del', {}, change.expected), ' → '] : [];
    this.lines.push(h('div', { class: `line${isChanged ? (change.isNew ? ' added' : ' changed') : ''}` },
      h('span', { class: 'code' }, '  '.repeat(depth), key !== '' && [h('span', { class: 'k' }, JSON.stringify(key)), ': '],
        ...before, h(isChanged ? 'ins' : 'span', { class: type }, text), comma),
      isChanged ? h('span', { class: 'rule' }, change.note) : rule && h('span', { class: 'rule', title: 'what the golden says' }, rule)));
  }

  missing(key, change, depth) {
    this.lines.push(h('div', { class: 'line gone' },
      h('span', { class: 'code' }, '  '.repeat(depth), h('del', {}, `${JSON.stringify(key)}: ${change.expected ?? '…'}`)),
      h('span', { class: 'rule' }, change.note)));
  }
}
