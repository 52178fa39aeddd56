use serde::Deserialize;
use utoipa::ToSchema;

use super::RunBody;

/// A program in a form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it stands for a body in the document")]
pub(in crate::api) struct ModuleForm {
    #[schema(value_type = String, format = Binary)]
    module: Vec<u8>,
}

/// A run and its program in one request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it stands for a body in the document")]
pub(in crate::api) struct RunForm {
    /// The same as where it comes alone, but for `component`.
    #[schema(value_type = RunBody, required = false)]
    run: Option<RunBody>,
    #[schema(value_type = String, format = Binary)]
    module: Vec<u8>,
}
