use std::fmt;
use std::net::IpAddr;

use super::action::Action;
use super::authorizer::Authorizer;
use super::judge::judge;
use super::question::{Ask, Question, Resource};
use super::reads::DATES;
use super::rules::Rules;
use crate::model::{Caller, Labels, PolicyName};

/// Rules that would be taken, and are not in force.
pub struct Candidate(pub(super) Rules);

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Candidate")
    }
}

/// The id of a policy of no name in particular.
const ANY: &str = "*";

/// Where a rule that looks at addresses is tried from, besides where it is asked from and what it names itself: from this
/// machine, and from far away.
const ADDRESSES: [IpAddr; 4] = [
    IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
/// When a rule that looks at the time is tried: every three hours of a week. Of the week to come, of one soon after each
/// day that a rule names (wherever on earth it is meant, and whatever time of it), and of some far away, for what rules
/// may reckon of those.
const APART_S: u64 = 3 * 3_600;
const TIMES: u64 = 7 * 8;
const DAY_S: u64 = 86_400;
const AFTER_S: u64 = 2 * DAY_S;
const FAR_YEARS: [u64; 4] = [1, 5, 20, 100];
/// The most questions that are asked of one week; each takes a moment, and all who write wait meanwhile.
const QUESTIONS: usize = 300;
/// The same of all weeks together.
const ALL_QUESTIONS: usize = 1_500;

/// Why rules would be rules for ever, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lockout {
    #[error(
        "with this policy no administrator of the tenant could change its policies any more, so it could never be taken \
         out: except an administrator from what it forbids, as with `unless {{ principal in Role::\"admin\" }}`"
    )]
    Nobody,
    #[error(
        "with this policy no administrator of the tenant who can reach the service could change its policies any more, \
         since it listens on this machine only: let what it forbids leave 127.0.0.1 and ::1, or name the actions that it is about"
    )]
    NobodyHere,
    #[error(
        "this policy could not be taken out by any administrator, since policies:delete of it is forbidden: leave its own \
         name out of what it forbids, or except an administrator"
    )]
    Itself,
    #[error(
        "about {0} no administrator of the tenant could change its policies: let what is forbidden by time be about other \
         actions than policies:*, or except an administrator from it"
    )]
    Later(String),
    #[error(
        "it cannot be told whether an administrator could still change the policies of the tenant: where they concern \
         policies:*, name fewer dates and addresses, or except an administrator without looking at either"
    )]
    Unclear,
}

impl Authorizer {
    /// Whether one of these people could put policies in force and take them out, and among them the one that is named, in
    /// some context that comes about, now and later, under rules that are not in force yet. All are of one tenant; scopes
    /// are not asked about.
    ///
    /// Rules may look at the time and at addresses. Not every one of these can be tried, so this may say no of rules that
    /// leave an hour to somebody; it never says yes of rules that leave nothing in any of the weeks that it looks at.
    pub fn leaves_a_keeper(
        &self,
        rules: &Candidate,
        policy: &PolicyName,
        people: &[Caller],
        now: u64,
    ) -> Result<(), Lockout> {
        let (rules, all) = (&rules.0, policy.as_str());
        if rules.keeping.dates.len() > DATES {
            return Err(Lockout::Unclear);
        }
        let mut left = ALL_QUESTIONS;
        for week in weeks(rules, now) {
            match self.week(rules, all, people, (week, &mut left)) {
                Ok(()) => {}
                Err(Lockout::Nobody) if week != now => return Err(Lockout::Later(day(week))),
                Err(Lockout::Nobody) if self.week(rules, ANY, people, (week, &mut left)).is_ok() => {
                    return Err(Lockout::Itself);
                }
                Err(Lockout::Nobody) if self.only_here && rules.keeping.reads.address => {
                    return Err(Lockout::NobodyHere);
                }
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Whether one of them could within a week, under the rules in force, whatever comes later: who is the last that could
    /// stays. Where it cannot be told, `unclear` says what to think.
    pub fn has_a_keeper(&self, people: &[Caller], now: u64, unclear: bool) -> bool {
        let in_force = people.first().and_then(|first| self.in_force(&first.tenant));
        in_force.is_some_and(|in_force| match self.week(&in_force.rules, ANY, people, (now, &mut { QUESTIONS })) {
            Err(Lockout::Unclear) => unclear,
            told => told.is_ok(),
        })
    }

    fn week(
        &self,
        rules: &Rules,
        policy: &str,
        people: &[Caller],
        (from, left): (u64, &mut usize),
    ) -> Result<(), Lockout> {
        let contexts = contexts(rules, people, from, self.only_here);
        let mut all = contexts.iter().flat_map(|context| people.iter().map(move |person| (context, person)));
        let keeps = all.by_ref().take(QUESTIONS.min(*left)).any(|((at, from), person)| {
            *left -= 1;
            let person = Caller { address: from.unwrap_or(person.address), ..person.clone() };
            self.keeps(rules, policy, &person, *at)
        });
        match (keeps, all.next()) {
            (true, _) => Ok(()),
            (false, None) => Err(Lockout::Nobody),
            (false, Some(_)) => Err(Lockout::Unclear),
        }
    }

    fn keeps(&self, rules: &Rules, policy: &str, caller: &Caller, now: u64) -> bool {
        let (tenant, labels) = (&caller.tenant, Labels::new());
        let may = |action: Action, id: &str, owner| {
            let resource = Resource { kind: action.kind(), tenant, id, owner, labels: &labels };
            let question = Question { caller, action, resource: &resource, ask: &Ask { now, wants: None } };
            judge(self.cedar(), self.builtin(), rules, &question).denied.is_none()
        };
        may(Action::PoliciesCreate, tenant.as_str(), Some(&caller.principal))
            && may(Action::PoliciesDelete, ANY, None)
            && (policy == ANY || may(Action::PoliciesDelete, policy, None))
    }
}

/// When the weeks begin that are looked at, this one first.
fn weeks(rules: &Rules, now: u64) -> Vec<u64> {
    let mut weeks = vec![now];
    if rules.keeping.reads.now {
        let named = rules.keeping.dates.iter().map(|date| date.saturating_add(AFTER_S)).filter(|week| *week > now);
        let far = FAR_YEARS.iter().map(|years| now.saturating_add(years * 365 * DAY_S));
        weeks.extend(named.chain(far));
    }
    weeks
}

fn day(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
    at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// When and from where it is tried, beginning with the start of the week and where they are: only what the rules look at is
/// varied.
fn contexts(rules: &Rules, people: &[Caller], week: u64, only_here: bool) -> Vec<(u64, Option<IpAddr>)> {
    let (reads, named) = (rules.keeping.reads, &rules.keeping.addresses);
    let mut from = vec![None];
    if reads.address {
        let others = ADDRESSES.iter().chain(named).copied();
        let comes = |other: &IpAddr| !only_here || other.to_canonical().is_loopback();
        let others = others.filter(|other| comes(other) && people.iter().any(|person| person.address != *other));
        from.extend(others.map(Some));
    }
    let times = if reads.now { TIMES } else { 1 };
    let at = (0..times).map(|step| week.saturating_add(step * APART_S));
    at.flat_map(|at| from.iter().map(move |from| (at, *from))).collect()
}
