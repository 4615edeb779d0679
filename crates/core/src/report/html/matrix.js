// The questions of probes: a row for each sort, a cell for each way it was asked.

function probeMatrix() {
  const parts = new Map();
  for (const cell of report.cells) {
    const key = `${cell.probe} ${cell.session}`;
    if (!parts.has(key)) parts.set(key, []);
    parts.get(key).push(cell);
  }
  return [...parts].map(([title, cells]) => probeTable(title, cells));
}

/** More ways than this are no columns any more but squares side by side. */
const MAX_COLUMNS = 8;

function probeTable(title, cells) {
  const sorts = new Map();
  for (const cell of cells) {
    if (!sorts.has(cell.sort)) sorts.set(cell.sort, []);
    sorts.get(cell.sort).push(cell);
  }
  const ways = [...new Set(cells.map(wayOf))];
  const asked = cells.filter((cell) => cell.not_asked === undefined);
  const sound = asked.filter((cell) => cell.verdict === 'conforms').length;
  const isMatrix = ways.length > 1 && ways.length <= MAX_COLUMNS;
  const answers = (own) => isMatrix
    ? ways.map((way) => h('td', {}, ...own.filter((cell) => wayOf(cell) === way).map(square)))
    : [h('td', { class: 'squares' }, ...own.map(square))];
  const head = isMatrix ? ways.map((way) => h('th', { scope: 'col' }, way || 'asked')) : [h('th', { scope: 'col' }, 'asked')];
  return h('section', { class: 'probe', 'aria-label': title },
    h('h3', {}, title, ' ', h('span', { class: 'faint' }, `${sound} of ${plural(asked.length, 'question')} as it should be`)),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Questions of ${title}` },
      h('table', { class: 'matrix' },
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'question'), ...head, h('th', { scope: 'col' }, 'what happened'))),
        h('tbody', {}, ...[...sorts].map(([sort, own]) =>
          h('tr', { class: look(worstOf(own).verdict).role },
            h('th', { scope: 'row' }, sort), ...answers(own), h('td', { class: 'note' }, said(worstOf(own)))))))));
}

/** `query` of `expired (query)`. */
function wayOf(cell) {
  const rest = cell.case.startsWith(cell.sort) ? cell.case.slice(cell.sort.length) : cell.case;
  return rest.trim().replace(/^\((.*)\)$/, '$1');
}

const GRAVITY = ['conforms', 'not asked', 'drift', 'could not judge', 'deviates'];

function worstOf(cells) {
  return cells.reduce((worst, cell) => (GRAVITY.indexOf(cell.verdict) > GRAVITY.indexOf(worst.verdict) ? cell : worst));
}

function said(cell) {
  return (cell.not_asked ?? cell.said).split('\n')[0];
}

/** A cell leads to the frame that shows what is wrong, where there is one. */
function square(cell) {
  const { sign, role } = look(cell.verdict);
  const words = `${cell.case}: ${cell.verdict}. ${said(cell)}`;
  const shown = cell.runs.find((run) => report.runs[run].findings.length > 0);
  const frame = shown === undefined ? null : report.runs[shown].findings[0].frames[0] ?? null;
  const props = { class: `square ${role}`, 'aria-label': words, title: words };
  return shown !== undefined && report.runs[shown].frames
    ? h('a', { ...props, href: hashOf(shown, frame) }, sign)
    : h('span', { ...props, role: 'img' }, sign);
}
