use std::fmt;
use std::net::IpAddr;

use super::action::Action;
use super::authorizer::Authorizer;
use super::judge::judge;
use super::question::{Ask, Question, Resource};
use super::rules::Rules;
use crate::model::{Caller, Labels};

/// Rules that would be taken, and are not in force.
pub struct Candidate(pub(super) Rules);

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Candidate")
    }
}

/// Where a rule that looks at addresses is tried from, besides where it is asked from and what it names itself: from this
/// machine, and from far away.
const ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];
/// When a rule that looks at the time is tried: every three hours of the week to come.
const APART_S: u64 = 3 * 3_600;
const TIMES: u64 = 7 * 8;
/// The most questions that are asked; each takes a moment, and all who write wait meanwhile.
const QUESTIONS: usize = 100;

impl Authorizer {
    /// Whether one of these people could put policies in force and take them out in some context that comes about: under
    /// rules that are not in force yet, or those that are. All are of one tenant; scopes are not asked about.
    ///
    /// Rules may look at the time and at addresses. Not every one of these can be tried, so this may say no of rules that
    /// leave an hour to somebody; it never says yes of rules that leave nothing.
    pub fn leaves_a_keeper(&self, rules: Option<&Candidate>, people: &[Caller], now: u64) -> bool {
        let Some(tenant) = people.first().map(|first| &first.tenant) else { return false };
        let in_force = self.in_force(tenant);
        let Some(rules) = rules.map(|rules| &rules.0).or(in_force.as_deref().map(|in_force| &in_force.rules)) else {
            return false;
        };
        let contexts = contexts(rules, people, now);
        let all = contexts.iter().flat_map(|context| people.iter().map(move |person| (context, person)));
        all.take(QUESTIONS).any(|((at, from), person)| {
            let person = Caller { address: from.unwrap_or(person.address), ..person.clone() };
            self.keeps(rules, &person, *at)
        })
    }

    fn keeps(&self, rules: &Rules, caller: &Caller, now: u64) -> bool {
        let (tenant, labels) = (&caller.tenant, Labels::new());
        let may = |action: Action, id: &str, owner| {
            let resource = Resource { kind: action.kind(), tenant, id, owner, labels: &labels };
            let question = Question { caller, action, resource: &resource, ask: &Ask { now, wants: None } };
            judge(self.cedar(), self.builtin(), rules, &question).denied.is_none()
        };
        may(Action::PoliciesCreate, tenant.as_str(), Some(&caller.principal)) && may(Action::PoliciesDelete, "*", None)
    }
}

/// When and from where it is tried, beginning with now and where they are: only what the rules look at is varied.
fn contexts(rules: &Rules, people: &[Caller], now: u64) -> Vec<(u64, Option<IpAddr>)> {
    let mut from = vec![None];
    if rules.reads.address {
        let others = ADDRESSES.iter().chain(&rules.addresses).copied();
        from.extend(others.filter(|other| people.iter().any(|person| person.address != *other)).map(Some));
    }
    let times = if rules.reads.now { TIMES } else { 1 };
    let at = (0..times).map(|step| now.saturating_add(step * APART_S));
    at.flat_map(|at| from.iter().map(move |from| (at, *from))).collect()
}
