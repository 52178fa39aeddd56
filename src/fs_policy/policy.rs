use std::collections::HashMap;

use smallvec::SmallVec;

use super::globs::Globs;
use super::name::fold_name;
use super::pattern::{Pattern, PatternError, Segment, Specificity};
use super::rule::{Kind, Level, Rule};

/// Rules that one policy may have, those of its preset included.
pub const RULES: usize = 1_000;

/// Patterns of names that cannot be told apart by a few letters, and so have to be tried for each name.
const LOOSE: usize = 200;

/// Rules in their order of strength, the first that fits decides.
type Rank = u16;
const NONE: Rank = Rank::MAX;

/// What a name of a pattern takes with its place among others, rounded up.
const NODE_BYTES: usize = 512;

/// Branches that are looked through one by one.
const FEW: usize = 16;

/// Rules, ready to be asked.
///
/// The patterns of all rules share one tree of names; a path is walked down it a name at a time, on all branches that
/// fit at once. So what a path costs depends on the branches that fit, not on the number of rules.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    nodes: Vec<Node>,
    folded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("there are more than {RULES} rules, those of the preset included; say the same with fewer patterns")]
    TooManyRules,
    #[error("the rules are too large together: their patterns have more than 65,535 names; use fewer braces")]
    TooLarge,
    #[error(
        "more than {LOOSE} patterns have a name without three letters in a row (`[!x]`, `?`); write more of the names"
    )]
    TooLoose,
    #[error("a pattern cannot be used: {0}")]
    Pattern(#[from] PatternError),
}

/// Where a path stands among the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot(SmallVec<[u16; 8]>);

#[derive(Debug)]
struct Node {
    literals: HashMap<Box<[u8]>, u16, foldhash::fast::RandomState>,
    /// `*.pem`: by what comes after the last dot.
    endings: HashMap<Box<[u8]>, u16, foldhash::fast::RandomState>,
    globs: Globs,
    /// The child for `**`, which takes no name to be reached.
    any: Option<u16>,
    /// This is the node of a `**`: it stays while names go by.
    stays: bool,
    /// Names are compared without their case from here on.
    folded: bool,
    /// It can be reached by any name at some depth: the rules below it are not about this place in particular.
    floats: bool,
    /// It is one of those that everything reaches.
    everywhere: bool,
    /// The rules that end here, the strongest first.
    ends: SmallVec<[Rank; 2]>,
    /// For each level, the strongest rule that some path below could fit.
    below: [Rank; 4],
}

impl Node {
    fn new(stays: bool, folded: bool) -> Self {
        Self {
            literals: HashMap::default(),
            endings: HashMap::default(),
            globs: Globs::default(),
            any: None,
            stays,
            folded,
            floats: stays,
            everywhere: false,
            ends: SmallVec::new(),
            below: [NONE; 4],
        }
    }
}

/// Where the patterns begin that are compared as they are, and those that are compared without case.
const ROOT: u16 = 0;
const FOLDED_ROOT: u16 = 1;

impl Policy {
    /// `folded`: the file system takes upper and lower case for the same.
    pub fn new(rules: Vec<Rule>, folded: bool) -> Result<Self, PolicyError> {
        if rules.len() > RULES {
            return Err(PolicyError::TooManyRules);
        }
        let mut parsed = Vec::new();
        for rule in rules {
            let pattern = Pattern::of(&rule, folded || rule.any_case())?;
            parsed.push((rule, pattern));
        }
        parsed.sort_by(|(a, left), (b, right)| {
            let strength = |rule: &Rule, specificity: Specificity| {
                use std::cmp::Reverse;
                (Reverse(rule.priority()), rule.kind(), Reverse(specificity), rule.level())
            };
            strength(a, left.specificity)
                .cmp(&strength(b, right.specificity))
                // Only so that the same rules are shown in the same order, however they were written.
                .then_with(|| a.pattern().cmp(b.pattern()))
        });
        let mut policy = Self { folded, ..Self::nothing() };
        for (rank, (rule, pattern)) in (0..).zip(parsed) {
            let root = if folded || rule.any_case() { FOLDED_ROOT } else { ROOT };
            policy.rules.push(rule);
            for path in pattern.alternatives {
                policy.insert(root, rank, path)?;
            }
        }
        if policy.nodes.iter().map(|node| node.globs.loose()).sum::<usize>() > LOOSE {
            return Err(PolicyError::TooLoose);
        }
        policy.nodes.iter_mut().for_each(|node| node.globs.finish());
        policy.look_below();
        Ok(policy)
    }

    /// No rules: everything is hidden.
    pub fn nothing() -> Self {
        Self { rules: Vec::new(), nodes: vec![Node::new(false, false), Node::new(false, true)], folded: false }
    }

    /// Everything at one level.
    pub fn all(level: Level) -> Self {
        let rule = Rule::new("/**", level, Kind::Glob, 0);
        Self::new(rule.into_iter().collect(), false).unwrap_or_else(|_| Self::nothing())
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let texts: usize = self.rules.iter().map(|rule| rule.pattern().len()).sum();
        size_of::<Self>() + self.nodes.len() * NODE_BYTES + self.rules.len() * size_of::<Rule>() + 2 * texts
    }

    /// The rules, the strongest first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether all names are compared without their case.
    pub fn is_folded(&self) -> bool {
        self.folded
    }

    /// Where the mounted folder itself stands.
    pub fn root(&self) -> Spot {
        let mut nodes = SmallVec::new();
        self.enter(ROOT, &mut nodes);
        self.enter(FOLDED_ROOT, &mut nodes);
        Spot(nodes)
    }

    /// One name further down.
    pub fn step(&self, spot: &Spot, name: &[u8]) -> Spot {
        let folded = fold_name(name);
        let mut nodes = SmallVec::new();
        for (at, node) in self.nodes_of(spot) {
            let name = if node.folded { &*folded } else { name };
            if node.stays {
                self.enter(at, &mut nodes);
            }
            if let Some(child) = node.literals.get(name) {
                self.enter(*child, &mut nodes);
            }
            if !node.endings.is_empty()
                && let Some(dot) = name.iter().rposition(|byte| *byte == b'.')
                && let Some(child) = name.get(dot + 1..).and_then(|ending| node.endings.get(ending))
            {
                self.enter(*child, &mut nodes);
            }
            node.globs.fitting(name, |child| self.enter(child, &mut nodes));
        }
        if nodes.len() > FEW {
            nodes.sort_unstable();
            nodes.dedup();
        }
        Spot(nodes)
    }

    pub fn level(&self, spot: &Spot) -> Level {
        let strongest = self.nodes_of(spot).filter_map(|(_, node)| node.ends.first()).min();
        strongest.and_then(|rank| self.rules.get(usize::from(*rank))).map_or(Level::None, Rule::level)
    }

    /// Whether a folder here leads to something that may at least be seen. A folder that is hidden itself can be
    /// passed then, and shows only what leads there. Told from the rules alone: what they allow need not exist.
    ///
    /// Where a rule hides this folder in particular (`**/.git/`), a rule for any depth (`**/.env.example`) leads nowhere:
    /// else one harmless exception would show all that is hidden.
    pub fn is_passable(&self, spot: &Spot) -> bool {
        self.leads_to(spot, &[Level::View, Level::Read, Level::Write])
    }

    /// Whether something that may be written could be made below: a place that is not there yet is a place to go to.
    pub fn may_be_made_below(&self, spot: &Spot) -> bool {
        self.leads_to(spot, &[Level::Write])
    }

    fn leads_to(&self, spot: &Spot, levels: &[Level]) -> bool {
        let cover = self.cover(spot);
        let hidden = |rank: Rank| self.rules.get(usize::from(rank)).is_some_and(|rule| rule.level() == Level::None);
        let wall = if hidden(cover) { cover } else { NONE };
        let meant = hidden(cover) && self.is_meant(spot, cover);
        let leads = |node: &Node| levels.iter().any(|level| node.below.get(*level as usize).is_some_and(|r| *r < wall));
        self.nodes_of(spot).any(|(_, node)| !(meant && node.floats) && leads(node))
    }

    /// Whether a rule that covers everything here says so of this folder or one above it, and not of all there is.
    fn is_meant(&self, spot: &Spot, cover: Rank) -> bool {
        self.nodes_of(spot).any(|(_, node)| node.stays && !node.everywhere && node.ends.first() == Some(&cover))
    }

    /// Whether two folders are the same to all rules: whatever is or ever will be below has one level in both.
    pub fn same_below(&self, a: &Spot, b: &Spot) -> bool {
        let sorted = |spot: &Spot| {
            let mut nodes = spot.0.clone();
            nodes.sort_unstable();
            nodes
        };
        let uniform = self.is_uniform(a) && self.is_uniform(b) && self.level(a) == self.level(b);
        uniform || sorted(a) == sorted(b)
    }

    /// Whether everything that could be below has the level of this place itself.
    pub fn is_uniform(&self, spot: &Spot) -> bool {
        let level = self.level(spot);
        let cover = self.cover(spot);
        let covered = self.rules.get(usize::from(cover)).map_or(Level::None, Rule::level);
        covered == level && Level::ALL.into_iter().all(|other| other == level || self.below(spot, other) >= cover)
    }

    /// The level of a path from the mounted folder, written with slashes.
    pub fn level_of(&self, path: &str) -> Level {
        self.level(&self.spot_of(path))
    }

    /// Where a path from the mounted folder stands.
    pub fn spot_of(&self, path: &str) -> Spot {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self.root(), |spot, name| self.step(&spot, name.as_bytes()))
    }

    /// All rules that fit, the strongest first.
    pub(super) fn fitting(&self, spot: &Spot) -> Vec<&Rule> {
        let mut ranks: Vec<Rank> = self.nodes_of(spot).flat_map(|(_, node)| node.ends.iter().copied()).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks.into_iter().filter_map(|rank| self.rules.get(usize::from(rank))).collect()
    }

    /// The strongest rule that decides for everything below as well.
    fn cover(&self, spot: &Spot) -> Rank {
        let staying = self.nodes_of(spot).filter(|(_, node)| node.stays);
        staying.filter_map(|(_, node)| node.ends.first().copied()).min().unwrap_or(NONE)
    }

    fn below(&self, spot: &Spot, level: Level) -> Rank {
        let of = |node: &Node| node.below.get(level as usize).copied().unwrap_or(NONE);
        self.nodes_of(spot).map(|(_, node)| of(node)).min().unwrap_or(NONE)
    }

    fn nodes_of<'a>(&'a self, spot: &'a Spot) -> impl Iterator<Item = (u16, &'a Node)> {
        spot.0.iter().filter_map(|at| self.nodes.get(usize::from(*at)).map(|node| (*at, node)))
    }

    /// Adds a node, and the `**` that may follow it for nothing.
    fn enter(&self, at: u16, nodes: &mut SmallVec<[u16; 8]>) {
        // A few are looked through, many are sorted in the end.
        if nodes.len() <= FEW && nodes.contains(&at) {
            return;
        }
        nodes.push(at);
        if let Some(any) = self.nodes.get(usize::from(at)).and_then(|node| node.any) {
            self.enter(any, nodes);
        }
    }

    fn insert(&mut self, root: u16, rank: Rank, path: Vec<Segment>) -> Result<(), PolicyError> {
        let mut at = root;
        for segment in path {
            at = self.child(at, segment)?;
        }
        let node = self.nodes.get_mut(usize::from(at)).ok_or(PolicyError::TooLarge)?;
        node.ends.push(rank);
        Ok(())
    }

    fn child(&mut self, parent: u16, segment: Segment) -> Result<u16, PolicyError> {
        let new = u16::try_from(self.nodes.len()).map_err(|_| PolicyError::TooLarge)?;
        let node = self.nodes.get_mut(usize::from(parent)).ok_or(PolicyError::TooLarge)?;
        let stays = segment == Segment::Any;
        let (folded, floats) = (node.folded, node.floats);
        let child = match segment {
            Segment::Literal(name) => *node.literals.entry(name.into()).or_insert(new),
            Segment::Any => *node.any.get_or_insert(new),
            Segment::Glob(name) => match name.ending() {
                Some(ending) => *node.endings.entry(ending.into_bytes().into()).or_insert(new),
                None => node.globs.child(name, new),
            },
        };
        if child == new {
            let mut made = Node::new(stays, folded);
            made.floats |= floats;
            made.everywhere = stays && (parent == ROOT || parent == FOLDED_ROOT);
            self.nodes.push(made);
        }
        Ok(child)
    }

    /// Children come after their parents, so one pass from the end knows each child before its parent.
    fn look_below(&mut self) {
        for at in (0..self.nodes.len()).rev() {
            let Some(node) = self.nodes.get(at) else { continue };
            let mut below = [NONE; 4];
            let named = node.literals.values().chain(node.endings.values());
            let children = named.chain(node.globs.children()).chain(&node.any);
            for child in children.filter_map(|child| self.nodes.get(usize::from(*child))) {
                self.note(&mut below, child);
                if let Some(any) = child.any.and_then(|any| self.nodes.get(usize::from(any))) {
                    self.note(&mut below, any);
                }
            }
            if node.stays {
                self.note_ends(&mut below, node);
            }
            if let Some(node) = self.nodes.get_mut(at) {
                node.below = below;
            }
        }
    }

    fn note(&self, below: &mut [Rank; 4], child: &Node) {
        for (known, further) in below.iter_mut().zip(child.below) {
            *known = (*known).min(further);
        }
        self.note_ends(below, child);
    }

    fn note_ends(&self, below: &mut [Rank; 4], node: &Node) {
        for rank in &node.ends {
            let level = self.rules.get(usize::from(*rank)).map_or(Level::None, Rule::level);
            if let Some(known) = below.get_mut(level as usize) {
                *known = (*known).min(*rank);
            }
        }
    }
}
