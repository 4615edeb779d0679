// The verdict, what could not be judged, and the runs as a table.

function header() {
  const { sign, role } = look(report.verdict);
  document.title = `${report.verdict}: ${report.title} · goldwire`;
  return [
    h('p', { class: 'brand' }, 'goldwire ', h('span', {}, kindWords())),
    h('h1', { class: role }, h('span', { class: 'sign', 'aria-hidden': 'true' }, sign), ' ', report.verdict,
      h('span', { class: 'title' }, report.title)),
    h('p', { class: 'summary' }, report.summary),
    report.interrupted && h('p', { class: 'notice', role: 'note' }, 'Interrupted: this is what was seen until then.'),
  ].filter(Boolean);
}

function kindWords() {
  return { check: 'check', session: 'recording', comparison: 'compare', probes: 'probe' }[report.kind];
}

/** Why some runs could not be judged. */
function unjudged() {
  return report.unjudged.map((one) =>
    h('article', { class: 'card bad' },
      h('h3', {}, h('span', { class: 'tag bad' }, 'could not judge'), ' ', one.cause),
      one.hint && h('p', { class: 'hint' }, h('b', {}, 'hint'), ' ', one.hint),
      h('p', { class: 'links' }, ...runLinks(one.runs.map((run) => ({ run, frame: null }))))));
}

/** Links to runs, at the frame where something shows; of many the first ones. */
function runLinks(places, most = 12) {
  const links = places.slice(0, most).map(({ run, frame }) =>
    h('a', { href: hashOf(run, frame), class: 'run-link' }, report.runs[run].label));
  if (places.length > most) links.push(h('span', { class: 'faint' }, `and ${plural(places.length - most, 'more run')}`));
  return links;
}

function hashOf(run, frame) {
  return frame === null || frame === undefined ? `#run=${run}` : `#run=${run}&frame=${frame}`;
}

/** Sessions and rounds down, users across. */
function runsTable() {
  const users = [...new Set(report.runs.map((run) => run.user))].sort(byNumber);
  const rows = new Map();
  report.runs.forEach((run, number) => {
    const key = JSON.stringify([run.session, run.round]);
    if (!rows.has(key)) rows.set(key, { run, cells: new Map() });
    const { cells } = rows.get(key);
    cells.set(run.user, [...(cells.get(run.user) ?? []), number]);
  });
  const rounds = new Set(report.runs.map((run) => run.round)).size;
  const cell = (number) => {
    const run = report.runs[number];
    const { sign, role } = look(run.verdict);
    const label = `${run.session}, ${run.label}: ${run.verdict}, ${plural(run.findings.length, 'finding')}, ${plural(run.events, 'event')}, took ${span(run.took_ns)}`;
    return h('a', { href: hashOf(number), class: `cell ${role}`, 'aria-label': label, title: label },
      h('span', { class: 'sign', 'aria-hidden': 'true' }, sign), h('span', { class: 'took' }, span(run.took_ns)));
  };
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Table of runs' },
    h('table', { class: 'runs' },
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'session'), rounds > 1 && h('th', { scope: 'col' }, 'round'),
        ...users.map((user) => h('th', { scope: 'col' }, user)))),
      h('tbody', {}, ...[...rows.values()].map(({ run, cells }) =>
        h('tr', {}, h('th', { scope: 'row' }, run.session), rounds > 1 && h('td', { class: 'number' }, run.round),
          ...users.map((user) => h('td', {}, ...(cells.get(user) ?? []).map(cell))))))));
}

/** u2 before u10. */
function byNumber(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}
