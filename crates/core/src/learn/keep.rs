//! What a person decided in the previous golden is not learned away.

use crate::golden::{Envelope, Golden};
use crate::transcript::Gap;

/// What a person decided in the previous golden is not learned away.
pub(super) fn keep(golden: &mut Golden, previous: &Golden) {
    golden.about.clone_from(&previous.about);
    golden.pace = previous.pace;
    golden.time = previous.time;
    golden.budget.clone_from(&previous.budget);
    golden.wait = previous.wait;
    golden.linger = previous.linger;
    golden.keep.clone_from(&previous.keep);
    golden.require_live.clone_from(&previous.require_live);
    golden.probes.clone_from(&previous.probes);
    let keeps =
        |key: &str| previous.keep.iter().any(|kept| key == kept || key.starts_with(&format!("{kept}.")));
    if keeps("order") {
        golden.order = previous.order.clone();
        golden.rules.clone_from(&previous.rules);
    }
    if keeps("ends") {
        golden.ends.clone_from(&previous.ends);
    }
    if keeps("listen") || golden.listen.is_none() {
        golden.listen = previous.listen;
    }
    for (label, old) in &previous.events {
        let key = format!("event.{}", previous.key_of(label));
        let Some(new) = golden.events.get_mut(label) else {
            if keeps(&key) {
                golden.events.insert(label.clone(), old.clone());
            }
            continue;
        };
        new.critical |= old.critical;
        for allowed in old.timing.iter().filter(|timing| timing.at_most.is_some()) {
            match new.timing.iter_mut().find(|timing| timing.after == allowed.after) {
                Some(timing) => timing.at_most = allowed.at_most,
                // What no recording shows is still what a person allows.
                None => {
                    new.timing.push(Envelope { usual: Gap::ZERO, samples: 0, runs: 0, ..allowed.clone() })
                }
            }
        }
        if keeps(&key) {
            *new = old.clone();
            continue;
        }
        if keeps(&format!("{key}.timing")) {
            new.timing.clone_from(&old.timing);
        }
        for (path, rule) in &old.shape {
            if keeps(&format!("{key}.shape.{}", path.pattern)) || keeps(&format!("{key}.shape")) {
                new.shape.retain(|(own, _)| own.pattern != path.pattern);
                new.shape.push((path.clone(), rule.clone()));
                new.shape.sort_by(|a, b| a.0.cmp(&b.0));
            }
        }
    }
}
