//! Concurrent users see each other's events if they share something. A golden from fewer users does not know the
//! additional events.

use crate::finding::{Finding, Kind, Severity};
use crate::golden::Golden;
use crate::transcript::HostClass;

/// A check with more concurrent users than the golden was recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// At most so many were there when it was recorded.
    recorded: u32,
    now: u32,
}

impl Crowd {
    /// Returns the crowd if the run, by its class of hosts, has more users than the golden knows. None if either
    /// number is unknown.
    pub fn beyond(golden: &Golden, host: Option<&HostClass>) -> Option<Crowd> {
        let recorded = golden.learned.hosts.iter().filter_map(|class| users(class)).max()?;
        let now = users(&host?.class)?;
        (now > recorded).then_some(Crowd { recorded, now })
    }

    /// Whether other users may have caused the finding: an extra event may be theirs. A value that belongs to another
    /// user is not explained.
    pub fn explains(finding: &Finding) -> bool {
        finding.kind == Kind::Repeated
    }

    /// Turns findings that other users may have caused into suspects, with a hint.
    pub fn soften(self, findings: &mut [Finding]) {
        let Crowd { recorded, now } = self;
        let at_once = if recorded == 1 { "one user" } else { "fewer users" };
        for finding in findings.iter_mut().filter(|finding| Crowd::explains(finding)) {
            finding.severity = Severity::Suspect;
            finding.evidence.push_str(&format!(
                "; recorded with at most {recorded} at once, checked with {now}: the event may belong to another user"
            ));
            finding.hint.get_or_insert_with(|| {
                format!(
                    "the golden was recorded with {at_once} at a time; run goldwire record --users {now}, then goldwire learn, to learn what users see of each other"
                )
            });
        }
    }
}

/// The number of concurrent users in a class of hosts.
fn users(class: &str) -> Option<u32> {
    let mut parts = class.split('-').filter_map(|part| part.strip_suffix('u')?.parse().ok());
    parts.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Label;
    use crate::finding::Place;

    fn golden(hosts: &[&str]) -> Golden {
        let mut golden = crate::golden::read("g.toml", "goldwire = 1\norder = \"a\"\n").expect("a golden");
        golden.learned.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        golden
    }

    fn host(class: &str) -> HostClass {
        HostClass { class: class.to_owned(), ..HostClass::default() }
    }

    #[test]
    fn a_class_says_how_many_users_there_were() {
        assert_eq!(users("linux-x86_64-2c-kvm-5u-3fa1c2"), Some(5));
        assert_eq!(users("my-4u-pool-12u"), Some(12), "the last one is goldwire's");
        assert_eq!(users("somewhere"), None);
        let known = golden(&["a-1u", "a-3u"]);
        assert_eq!(Crowd::beyond(&known, Some(&host("b-3u"))), None);
        assert_eq!(Crowd::beyond(&known, Some(&host("b-5u"))), Some(Crowd { recorded: 3, now: 5 }));
        assert_eq!(Crowd::beyond(&known, None), None);
        assert_eq!(Crowd::beyond(&golden(&[]), Some(&host("b-5u"))), None);
    }

    #[test]
    fn what_comes_once_more_may_be_another_users() {
        let finding = |kind| {
            let place = Place {
                event: Label::from("a"),
                lane: None,
                path: None,
                key: "order".to_owned(),
                golden_line: None,
                frames: vec![1],
            };
            Finding::new(kind, Severity::Deviation, place, "came once too often").evidence("held 20 times")
        };
        let mut findings = [finding(Kind::Repeated), finding(Kind::Unbound), finding(Kind::Missing)];
        Crowd { recorded: 1, now: 5 }.soften(&mut findings);
        let severities = findings.each_ref().map(|finding| finding.severity);
        assert_eq!(severities, [Severity::Suspect, Severity::Deviation, Severity::Deviation]);
        assert!(findings[0].evidence.contains("recorded with at most 1 at once, checked with 5"));
        assert!(findings[0].hint.as_ref().is_some_and(|hint| hint.contains("record --users 5")));
    }
}
