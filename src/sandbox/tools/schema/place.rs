/// Where we are; written out only when something is wrong.
pub(super) enum Place<'a> {
    Root,
    Item(&'a Place<'a>, usize),
    Field(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    pub(super) fn show(&self) -> String {
        const NAME: usize = 80;
        match self {
            Place::Root => "$".to_owned(),
            Place::Item(parent, index) => format!("{}[{index}]", parent.show()),
            Place::Field(parent, name) => {
                let name: String = name.chars().take(NAME).flat_map(char::escape_debug).collect();
                format!("{}.{name}", parent.show())
            }
        }
    }
}
