// What was found, each finding once: expected beside actual, in the words of the report and as a picture.

function findingCard(one, number) {
  const { finding } = one;
  const role = finding.severity === 'deviation' ? 'bad' : 'doubt';
  const place = finding.golden_line ? `${one.golden_path}:${finding.golden_line}:${finding.golden_column}` : one.context ? finding.golden_key : `${one.golden_path} ${finding.golden_key}`;
  const runs = new Set(one.shown_by.map((place) => place.run)).size;
  return h('article', { class: `card ${role}`, id: `finding-${number}`, 'aria-labelledby': `finding-${number}-says` },
    h('h3', { id: `finding-${number}-says` },
      h('span', { class: `tag ${role}` }, role === 'doubt' ? `suspect · ${finding.family}` : finding.family),
      ' ', finding.message),
    h('p', { class: 'meta' },
      one.context && [h('b', {}, one.context), ' · '],
      h('span', {}, one.session), ' · ',
      one.standing ?? (finding.family === 'timing' ? `over ${plural(one.of, 'run')}, seen best in ${report.runs[one.shown_by[0].run].label}` : `in ${runs} of ${plural(one.of, 'run')}`),
      finding.excused && [' · ', h('b', { class: 'doubt' }, 'time not judged: this machine was late itself')]),
    h('div', { class: 'sides' },
      h('div', {},
        values(finding),
        gapPicture(one),
        finding.hint && h('p', { class: 'hint' }, h('b', {}, 'hint'), ' ', finding.hint),
        consequences(finding),
        h('dl', { class: 'where' },
          h('dt', {}, 'look'), h('dd', { class: 'links' }, ...runLinks(one.shown_by)),
          h('dt', {}, one.context ? 'rule' : 'golden'), h('dd', {}, h('code', {}, place)),
          finding.evidence && [h('dt', {}, 'rests on'), h('dd', {}, finding.evidence)])),
      picture(one)));
}

/** Old over new, so that they can be compared letter by letter. */
function values(finding) {
  if (finding.expected === undefined || finding.actual === undefined) return null;
  const [before, after] = twoTexts(finding.expected, finding.actual);
  return h('dl', { class: 'values' },
    h('dt', {}, 'expected'), h('dd', { class: 'old' }, ...before),
    h('dt', {}, 'actual'), h('dd', { class: 'new' }, ...after));
}

const SIGNS = { same: '', missing: '−', extra: '+', changed: '~' };
const SIGN_WORDS = { same: 'as in the golden', missing: 'missing', extra: 'too many', changed: 'changed' };

/** The golden's events beside those that came. */
function picture(one) {
  if (one.picture.length === 0) return null;
  const run = one.shown_by[0].run;
  const name = (text, row) => text && [text, h('i', {}, laneMark(row.lane)), row.times > 1 && h('i', {}, `×${row.times}`)];
  const rows = one.picture.map((row) => {
    if (row.mark === 'folded') {
      const text = row.note || `${plural(row.times, 'event')} as in the golden`;
      return h('tr', { class: 'folded' }, h('td', {}), h('td', { colspan: 4 }, `⋯ ${text}`));
    }
    const live = row.frame === null || !row.live ? name(row.live, row)
      : [h('a', { href: hashOf(run, row.frame) }, ...name(row.live, row).filter(Boolean))];
    return h('tr', { class: row.mark },
      h('td', { class: 'sign', 'aria-label': SIGN_WORDS[row.mark] }, SIGNS[row.mark]),
      h('td', { class: 'old' }, ...(name(row.golden, row) || []).filter(Boolean)),
      h('td', { class: 'new' }, ...(live || []).filter(Boolean)),
      h('td', { class: 'number' }, row.gap_ns === null ? '' : span(row.gap_ns)),
      h('td', { class: 'note' }, row.note));
  });
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Golden beside live: ${one.finding.message}` },
    h('table', { class: 'picture' },
      h('thead', {}, h('tr', {}, h('td', {}), h('th', { scope: 'col' }, 'golden'), h('th', { scope: 'col' }, 'live'),
        h('th', { scope: 'col', class: 'number' }, 'gap'), h('td', {}))),
      h('tbody', {}, ...rows)));
}

/** Where a gap lies beside what the golden knows, on a logarithmic scale. */
function gapPicture(one) {
  if (one.finding.family !== 'timing' || one.shown_by[0].frame === null) return null;
  const data = framesOf(one.shown_by[0].run);
  const frame = one.shown_by[0].frame;
  const edge = data && edgeOf(data, frame);
  return edge ? envelope(edge, data.gap[frame], 'bad') : null;
}

/** An envelope as a bar from the earliest to the latest, with the usual gap and the one that came. */
function envelope(edge, gap, role) {
  const { from, to } = reach(edge);
  const [low, high] = [Math.max(Math.min(from, gap, edge.usual) / 2, 100), Math.max(to, gap, edge.usual) * 2];
  const width = 560;
  const x = (ns) => (Math.log(Math.max(ns, low) / low) / Math.log(high / low)) * width;
  const label = (at, text, y, anchor, cls) => s('text', { x: Math.min(Math.max(x(at), 2), width - 2), y, 'text-anchor': anchor, class: cls }, text);
  const anchor = (at) => (x(at) < 60 ? 'start' : x(at) > width - 60 ? 'end' : 'middle');
  const words = `${edge.event} came ${span(gap)} after ${edge.after}; usually ${span(edge.usual)}, ${edge.latest === null ? 'slowest recorded' : 'latest'} ${span(to)}`;
  return s('svg', { class: 'envelope', viewBox: `0 0 ${width} 58`, role: 'img', 'aria-label': words },
    s('line', { x1: 0, x2: width, y1: 29, y2: 29, class: 'axis' }),
    s('rect', { x: x(from), y: 22, width: Math.max(x(to) - x(from), 2), height: 14, class: 'band', rx: 2 }),
    s('line', { x1: x(edge.usual), x2: x(edge.usual), y1: 20, y2: 38, class: 'usual' }),
    s('line', { x1: x(to), x2: x(to), y1: 20, y2: 38, class: edge.latest === null ? 'seen' : 'bound' }),
    label(edge.usual, `usual ${span(edge.usual)}`, 52, anchor(edge.usual), 'faint'),
    Math.abs(x(to) - x(edge.usual)) > 150 && label(to, `${edge.latest === null ? 'slowest' : 'latest'} ${span(to)}`, 52, anchor(to), 'faint'),
    s('circle', { cx: x(gap), cy: 29, r: 6, class: `came ${role}` }),
    label(gap, `${span(gap)} after ${edge.after}`, 13, anchor(gap), `came-text ${role}`));
}

function consequences(finding) {
  if (finding.consequences.length === 0) return null;
  return h('details', {}, h('summary', {}, `${plural(finding.consequences.length, 'consequence')} of it`),
    h('ul', {}, ...finding.consequences.map((text) => h('li', {}, text))));
}
