//! `setup --check`: for each profile, whether tools get its credentials from awsfresh, and if not,
//! which of them do not, and why.

use std::path::Path;

use super::verdict::{Verdict, bypass, verdict};
use crate::aws_files::AwsFiles;
use crate::commands::Context;
use crate::config::Profile;
use crate::finding::{Class, Result};
use crate::shell::words;
use crate::text::{self, Styled};
use crate::ui;

/// Prints a line for each profile. Returns the exit code: that of a configuration error if a profile
/// that is set up is bypassed.
pub(super) fn run(context: &Context<'_>, files: &AwsFiles, only: &[String]) -> Result<u8> {
    let set = files.profiles();
    let mut text = Styled::default();
    let mut is_bypassed = false;
    if context.world.env("AWS_ACCESS_KEY_ID").is_some() {
        text.line("the keys in the environment win in tools that are not told a profile");
    }
    for profile in set.profiles() {
        let name = &*profile.name;
        if !only.is_empty() && !only.iter().any(|one| one == name) {
            continue;
        }
        let reasons = bypassed_by(context, profile);
        let (style, words) = if profile.own_process().is_none() {
            match verdict(context, set, name, "") {
                Verdict::Refused(finding) => {
                    (text::YELLOW, format!("not set up: {}", finding.summary))
                }
                _ => (
                    text::YELLOW,
                    "not set up: awsfresh setup does it".to_owned(),
                ),
            }
        } else if reasons.is_empty() {
            (text::GREEN, "served by awsfresh".to_owned())
        } else {
            is_bypassed = true;
            (text::RED, format!("bypassed: {}", reasons.join("; ")))
        };
        text.push(&format!("{name}: "))
            .paint(style, &words)
            .line("");
    }
    ui::print_styled(&text)?;
    let class = if is_bypassed {
        Class::Configuration
    } else {
        Class::Healthy
    };
    Ok(class.code())
}

/// Which tools do not get the credentials of awsfresh, and why.
fn bypassed_by(context: &Context<'_>, profile: &Profile) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    reasons.extend(bypass(context, profile).map(|finding| finding.summary));
    if profile.has_foreign_process() {
        let words = "its credential_process names another profile: awsfresh setup corrects it";
        reasons.push(words.into());
    }
    if let Some(value) = profile.own_process() {
        let program = words(&value.text).into_iter().next().unwrap_or_default();
        let path = Path::new(&program);
        if program.starts_with('~') {
            reasons.push("boto3 and the AWS CLI do not expand ~ in the path of the program".into());
        } else if path.is_absolute() && !path.is_file() {
            reasons.push(format!("{program} does not exist"));
        } else if !path.is_absolute() {
            reasons.push(format!(
                "{program} is found only where PATH has it, unlike under cron"
            ));
        }
    }
    reasons
}
