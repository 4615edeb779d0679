// The data of the page, and what follows from it for a run.

const report = JSON.parse(document.getElementById('report').textContent);
const opened = new Map();

/** A run's frames with what is looked up again and again; null when they are not in the page. */
function framesOf(number) {
  if (opened.has(number)) return opened.get(number);
  const element = document.getElementById(`run-${number}`);
  const data = element ? prepare(JSON.parse(element.textContent), report.runs[number].findings) : null;
  // The text is not needed twice.
  if (element) element.textContent = '';
  opened.set(number, data);
  return data;
}

function prepare(data, findings) {
  data.count = data.at.length;
  data.findings = findings;
  data.edgeOf = new Map(data.edges.map((edge) => [`${edge.event}\n${edge.after}`, edge]));
  data.marks = marksOf(findings, data.count);
  data.shows = showsOf(data);
  data.counts = new Array(data.names.length).fill(0);
  for (const name of data.name) if (name !== null) data.counts[name] += 1;
  data.last = data.count > 0 ? data.at[data.count - 1] : 0;
  data.end = Math.max(data.ended_ns, data.last, 1);
  return data;
}

/** By frame: the findings that it shows. Of two frames of a broken bond the second brought the value to compare with. */
function marksOf(findings, count) {
  const marks = new Map();
  findings.forEach((finding, number) => {
    if (finding.kind === 'missing') return;
    finding.frames.forEach((frame, index) => {
      if (finding.kind === 'unbound' && index % 2 === 1) return;
      if (frame >= count) return;
      if (!marks.has(frame)) marks.set(frame, []);
      marks.get(frame).push(number);
    });
  });
  return marks;
}

/** The frames to look at: those with a mark, and those at which something was known to be missing. */
function showsOf(data) {
  const known = data.findings.filter((finding) => finding.kind === 'missing' && data.count > 0);
  return new Set([...data.marks.keys(), ...known.map((finding) => Math.min(finding.frames[0] ?? Infinity, data.count - 1))]);
}

/** How soon and how late the golden lets this frame come; null where it does not say. */
function edgeOf(data, frame) {
  if (data.name[frame] === null || data.after[frame] === null) return null;
  return data.edgeOf.get(`${data.names[data.name[frame]]}\n${data.names[data.after[frame]]}`) ?? null;
}

/** From when to when an edge allows, where no bound is known as far as was seen. */
function reach(edge) {
  return { from: edge.earliest ?? Math.min(edge.fastest, edge.usual), to: edge.latest ?? Math.max(edge.slowest, edge.usual) };
}

const KINDS = { t: 'text', b: 'binary', i: 'ping', o: 'pong', c: 'close', n: 'new connection', g: 'gone' };

/** What a frame is called: the event, or what the protocol calls it. */
function nameOf(data, frame) {
  return data.name[frame] === null ? KINDS[data.kinds[frame]] : data.names[data.name[frame]];
}

/** Whether any of these findings is more than a doubt. */
function worst(findings) {
  return findings.some((finding) => finding.severity === 'deviation') ? 'bad' : 'doubt';
}
