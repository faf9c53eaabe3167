//! AWS errors in the logs of any client: found by their codes, by the words of their messages, and by what the SDKs say
//! themselves before they ask anybody. Pure. The shapes are those that real clients print; tests/diagnosis-cases/texts has
//! them as they were recorded.

mod words;

use super::answer::{Answer, Asked, Condition};
use super::{Cause, Finding};
use crate::credentials::redacted;
use words::{ABOUT_STS, CODES, FAILING, GENERAL, LAST, LOCAL, Local, MARKS, MESSAGES, OTHERS, WEAK};

/// One error in a text; the same error told several times is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The code AWS sent; `None` where a client speaks for itself.
    pub code: Option<String>,
    /// What AWS or the client said, shortened.
    pub message: String,
    /// As the client names it.
    pub service: Option<String>,
    /// The API operation.
    pub operation: Option<String>,
    /// What AWS support asks for.
    pub request_id: Option<String>,
    /// How often.
    pub count: usize,
    /// What it means by itself.
    pub finding: Finding,
    /// What AWS found.
    pub condition: Option<Condition>,
    /// Where in the text.
    at: usize,
}

/// Errors that are told apart; a log may hold any number of them.
const MOST: usize = 100;

/// Everything in `text` that can be named, the most telling first.
pub fn find(text: &str) -> Vec<Sighting> {
    let flat = flattened(text);
    let mut found: Vec<Sighting> = Vec::new();
    for sighting in own(&flat).into_iter().chain(coded(&flat)) {
        add(&mut found, sighting);
    }
    if found.is_empty() {
        messages(&flat).into_iter().for_each(|sighting| add(&mut found, sighting));
    }
    // What a client says by itself matters only where AWS has not spoken: "no credentials" often follows from it. What AWS
    // says in passing, and a client gets over, is nothing that it would follow from.
    let last = found.iter().map(|one| one.at).max();
    if found.iter().all(|one| rank(one) > 0) {
        let later = |one: &Sighting| last.is_none_or(|last| one.at > last);
        local(&flat).into_iter().filter(later).take(1).for_each(|sighting| add(&mut found, sighting));
    }
    found.sort_by_key(rank);
    for one in &mut found {
        // A log may hold anything: what a program was started with, or the secret in the key id's place.
        one.message = redacted(&one.message);
        let lines = one.finding.evidence.iter_mut().chain(&mut one.finding.remedy).chain([&mut one.finding.summary]);
        lines.for_each(|line| *line = redacted(line));
    }
    found
}

/// What ends a program comes before what it may get over: a refusal, and what is tried again.
fn rank(one: &Sighting) -> u8 {
    match one.condition {
        Some(Condition::Throttled | Condition::Failing) => 2,
        Some(Condition::Denied) => 1,
        _ => 0,
    }
}

fn add(found: &mut Vec<Sighting>, new: Sighting) {
    let same = |known: &&mut Sighting| {
        let operations = [&known.operation, &new.operation];
        known.finding.cause == new.finding.cause
            && known.code == new.code
            && (known.operation == new.operation || operations.into_iter().any(Option::is_none))
    };
    let is_full = found.len() >= MOST;
    match found.iter_mut().find(same) {
        Some(known) => {
            known.count += 1;
            known.request_id = known.request_id.take().or(new.request_id);
            known.service = known.service.take().or(new.service);
            known.operation = known.operation.take().or(new.operation);
        }
        None if !is_full => found.push(new),
        None => {}
    }
}

/// One line: without what others put in front of lines, terminal codes, the frames that Terraform draws, what HTML makes of
/// brackets, and line ends in the middle of a sentence.
fn flattened(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        lines.push_str(bare_line(line));
        lines.push('\n');
    }
    let flat = on_one_line(&lines);
    if !flat.contains("&lt;") && !flat.contains("&quot;") {
        return flat;
    }
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    escapes.into_iter().fold(flat, |flat, (escape, character)| flat.replace(escape, character))
}

/// A line without a quotation mark or frame (`> `, `| `), the name of a pod or service (`[pod/x] `, `x | `) and the time.
fn bare_line(line: &str) -> &str {
    let is_time = |word: &str| {
        let bytes = word.as_bytes();
        bytes.len() >= 19 && bytes[4] == b'-' && bytes[7] == b'-' && bytes[10] == b'T' && bytes[13] == b':' && bytes[0].is_ascii_digit()
    };
    let mut rest = line;
    for _ in 0..4 {
        let trimmed = rest.trim_start();
        let (first, after) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
        let named = after.trim_start().strip_prefix("| ");
        rest = match first {
            ">" | "|" => after,
            first if first.starts_with("[pod/") || is_time(first) => after,
            first if first.len() <= 64 && named.is_some() => named.unwrap_or(after),
            _ => return rest,
        };
    }
    rest
}

fn on_one_line(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut blank = true;
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            continue;
        }
        let is_frame = ('\u{2500}'..='\u{257f}').contains(&c);
        if c.is_whitespace() || c.is_control() || is_frame {
            if !blank {
                flat.push(' ');
            }
            blank = true;
        } else {
            flat.push(c);
            blank = false;
        }
    }
    flat
}

/// Our own failures carry their cause with them: `awsfresh: … [cause-id]`.
fn own(flat: &str) -> Vec<Sighting> {
    let mut found = Vec::new();
    for (at, _) in flat.match_indices("awsfresh: ") {
        let rest = head(&flat[at..], 1000);
        let Some((summary, id)) = rest.split_once(" [").and_then(|(summary, tail)| Some((summary, tail.split_once(']')?.0))) else {
            continue;
        };
        let Some(cause) = Cause::ALL.iter().copied().find(|cause| cause.id() == id) else { continue };
        let mut finding = Finding::new(cause, summary.trim_start_matches("awsfresh: "));
        let after = rest.split_once(']').map_or("", |(_, after)| after);
        if let Some((seen, tail)) = after.split_once("seen: ").and_then(|(_, tail)| tail.split_once(" try: ")) {
            finding = finding.seen(seen.split(" seen: ").next().unwrap_or_default().trim());
            let end = [" awsfresh", " try: ", " at ", "\""].iter().filter_map(|stop| tail.find(stop)).min().unwrap_or(tail.len());
            finding = finding.try_this(head(tail[..end].trim(), 200));
        }
        found.push(Sighting { message: finding.summary.clone(), condition: None, ..bare(finding) });
    }
    found
}

fn bare(finding: Finding) -> Sighting {
    Sighting {
        code: None,
        message: String::new(),
        service: None,
        operation: None,
        request_id: None,
        count: 1,
        finding,
        condition: None,
        at: 0,
    }
}

/// Errors with a code of AWS in them.
fn coded(flat: &str) -> Vec<Sighting> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut at = 0;
    while at < flat.len() {
        let Some(start) = flat[at..].find(|c: char| c.is_ascii_uppercase()).map(|offset| at + offset) else { break };
        let end = flat[start..].find(|c| !is_word(c)).map_or(flat.len(), |offset| start + offset);
        let word = &flat[start..end];
        at = end.max(start + 1);
        let begins = flat[..start].chars().next_back().is_none_or(|c| !is_word(c));
        if !begins || !(CODES.contains(&word) || WEAK.contains(&word)) {
            continue;
        }
        let (before, after) = (&flat[..start], &flat[end..]);
        let shown = match WEAK.contains(&word) {
            true => is_shown_as_code(before, after),
            false => is_spoken(before, after),
        };
        if shown && !near(flat, start, 300, OTHERS) {
            found.extend(around(flat, start, end));
        }
    }
    found.extend(without_a_body(flat));
    found
}

/// Answers to HEAD have no body, and so no code: botocore puts the HTTP status in its place.
fn without_a_body(flat: &str) -> Vec<Sighting> {
    let marks = [("An error occurred (403) when calling the ", "HTTP 403"), ("Error Code: 403 Forbidden", "HTTP 403")];
    let seen = marks.into_iter().filter_map(|(words, code)| Some((flat.find(words)?, words, code)));
    seen.map(|(at, words, code)| {
        let after = head(&flat[at + words.len()..], 100);
        let operation = after.split_once(" operation").map(|(name, _)| name.to_owned()).filter(|_| words.ends_with("the "));
        let finding = Finding::new(Cause::PermissionDenied, "AWS refuses this, and an answer without a body says no more")
            .seen(head(&flat[at..], 160))
            .try_this("ask in another way to see the reason: aws s3 ls s3://BUCKET; awsfresh doctor asks who these credentials are")
            .likely();
        let message = head(&flat[at..], 160).to_owned();
        Sighting { code: Some(code.to_owned()), message, operation, condition: Some(Condition::Denied), at, ..bare(finding) }
    })
    .collect()
}

/// Whether a code that is no word of anybody else stands where an error is told, not in a list of names, a metric or an import.
fn is_spoken(before: &str, after: &str) -> bool {
    let is_quoted = before.ends_with('"') && after.starts_with('"') && !before.ends_with("=\"");
    let is_explained = || MESSAGES.iter().any(|(words, _)| head(after, 300).contains(words) || tail(before, 300).contains(words));
    is_shown_as_code(before, after) || after.starts_with([':', ')', '(']) || is_quoted || is_explained()
}

/// Whether one of `words` stands within `reach` bytes of `at`, in whatever case.
fn near(flat: &str, at: usize, reach: usize, words: &[&str]) -> bool {
    let around = format!("{}{}", tail(&flat[..at], reach), head(&flat[at..], reach)).to_ascii_lowercase();
    words.iter().any(|word| around.contains(word))
}

/// `(CODE)`, `api error CODE:`, `Error Code: CODE`, `<Code>CODE<`, `Errors::CODE`, `"CODE"`; `CODE: ` behind a colon, or with
/// what AWS writes to such codes.
fn is_shown_as_code(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let marks = ["error occurred (", "api error", "Errors::", "code: Some(\"", "__type\":\""];
    // As others write, too.
    let common = ["Code:", "<Code>", "\"code\":\"", "\"Code\":\"", "\"errorCode\":\"", "#", "Code: '", "Code: \""];
    let of_aws = || {
        let around = format!("{}{}", tail(before, 400), head(after, 400)).to_ascii_lowercase();
        MARKS.iter().any(|mark| around.contains(mark))
    };
    marks.iter().any(|mark| before.ends_with(mark))
        || (common.iter().any(|mark| before.ends_with(mark)) && of_aws())
        || (after.starts_with(": ")
            && (before.ends_with(':') && of_aws() || tail(before, 200).contains("operation error ") || is_of_aws(head(after, 400))))
}

/// Whether AWS or one of its SDKs writes like this.
fn is_of_aws(text: &str) -> bool {
    let said = ["not authorized to perform", "DurationSeconds", "Rate exceeded", "Session token not found", "No access"];
    let printed = ["status code: ", "request id", "equest ID", "(Service: ", "$metadata", "aws-sdk", "amazonaws"];
    said.into_iter().chain(printed).any(|words| text.contains(words))
}

/// The error whose code stands from `start` to `end`.
fn around(flat: &str, start: usize, end: usize) -> Option<Sighting> {
    let code = &flat[start..end];
    let before = tail(&flat[..start], 400);
    let after = head(&flat[end..], 700);
    let message = message(before, after);
    let answer = Answer { code, message: &message, status: None };
    // Some put the message in front of the code.
    let whole = format!("{} {after}", tail(before, 300));
    let by_context = Answer { code, message: &whole, status: None };
    let condition = answer.condition()?;
    let condition = by_context.condition().filter(|_| message.is_empty()).unwrap_or(condition);
    // Every service finds fault with parameters; only those of STS have to do with credentials.
    if condition == Condition::InvalidSetting && code == "ValidationError" && !ABOUT_STS.iter().any(|word| whole.contains(word)) {
        return None;
    }
    let asked = Asked { what: "what was asked for", region: None, keys: None, partition: None };
    let finding = answer.finding(condition, &asked);
    let service =
        between(before, "operation error ", ":").or_else(|| between(before, "Aws::", "::Errors")).or_else(|| service_word(before, after));
    let operation = between(after, "when calling the ", " operation").or_else(|| {
        let tail = before.rsplit_once("operation error ")?.1;
        let name = tail.split_once(": ")?.1;
        Some(name.split([',', ' ']).next()?.to_owned())
    });
    let request_id =
        ["RequestID: ", "Request ID: ", "request id: ", "requestId: '", "<RequestId>", "aws_request_id\": \"", "x-amzn-requestid: "]
            .iter()
            .find_map(|mark| id_after(after, mark).or_else(|| before.rsplit_once(mark).and_then(|(_, rest)| id_of(rest))));
    let known = Sighting { code: Some(code.to_owned()), message, service, operation, request_id, ..bare(finding) };
    Some(Sighting { condition: Some(condition), at: start, ..known })
}

fn service_word(before: &str, after: &str) -> Option<String> {
    let java =
        |text: &str| text.rsplit_once("(Service: ").map(|(_, rest)| rest.split([',', ';', ' ']).next().unwrap_or_default().to_owned());
    java(before).or_else(|| java(head(after, 200))).filter(|name| !name.is_empty())
}

fn id_after(text: &str, mark: &str) -> Option<String> {
    id_of(text.split_once(mark)?.1)
}

fn id_of(rest: &str) -> Option<String> {
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    (id.len() >= 8).then_some(id)
}

/// What belongs to the code as its message: behind it, as a rule.
fn message(before: &str, after: &str) -> String {
    let behind = match after.split_once(" operation: ") {
        Some((call, rest)) if call.starts_with(") when calling the ") || call.contains("when calling the ") && call.len() < 120 => {
            Some(rest)
        }
        Some(_) | None => None,
    };
    let behind = behind
        .or_else(|| after.strip_prefix(": "))
        .or_else(|| after.split_once("<Message>").map(|(_, rest)| rest))
        .or_else(|| after.split_once("message: Some(\"").map(|(_, rest)| rest))
        .or_else(|| after.split_once("\"message\":\"").or_else(|| after.split_once("\"Message\":\"")).map(|(_, rest)| rest));
    let text = match behind {
        Some(rest) => rest,
        // Ruby and Java: the message in front, the code in brackets.
        None => before.trim_end_matches(['(', ' ']).rsplit(['\'', '`', '>']).next().map(|text| tail(text, 300)).unwrap_or_default(),
    };
    let text = text.trim().trim_start_matches([':', ' ']);
    let stops = [
        "</Message>",
        "\")",
        "\" }",
        "\"}",
        " at ",
        "Traceback",
        " An error occurred (",
        "status code:",
        " with ",
        " on ",
        "(Service:",
        " { '$fault'",
        " $fault",
        "(Aws::",
    ];
    let stop = stops.iter().filter_map(|stop| text.find(stop)).filter(|at| *at > 0).min().unwrap_or(text.len());
    head(text[..stop].trim(), 300).to_owned()
}

/// Messages of AWS that came without their code.
fn messages(flat: &str) -> Vec<Sighting> {
    let mut found = Vec::new();
    for (words, code) in MESSAGES {
        let Some(at) = flat.find(words).filter(|at| !near(flat, *at, 300, OTHERS)) else { continue };
        let text = head(&flat[at..], 300);
        let said = text.split([';', '(']).next().unwrap_or(text).trim();
        let said = if code.starts_with("Signature") || *code == "AccessDenied" { text } else { said };
        let answer = Answer { code, message: said, status: None };
        let Some(condition) = answer.condition() else { continue };
        let asked = Asked { what: "what was asked for", region: None, keys: None, partition: None };
        let service = service_word(tail(&flat[..at], 200), head(&flat[at..], 400));
        let request_id = id_after(head(&flat[at..], 500), "Request ID: ");
        let finding = answer.finding(condition, &asked).likely();
        found.push(Sighting { message: said.to_owned(), service, request_id, condition: Some(condition), at, ..bare(finding) });
    }
    found
}

/// What a client says by itself.
fn local(flat: &str) -> Vec<Sighting> {
    let anywhere = |words: &str| flat.find(words);
    let beside_aws =
        |words: &str| flat.match_indices(words).map(|(at, _)| at).find(|at| near(flat, *at, 300, MARKS) && !near(flat, *at, 300, OTHERS));
    let failing = |words: &str| {
        beside_aws(words)
            .filter(|at| FAILING.iter().any(|word| tail(&flat[..*at], 200).contains(word) || head(&flat[*at..], 300).contains(word)))
    };
    let firsts = LOCAL.iter().map(|local| (local, local.0.iter().filter_map(|words| anywhere(words)).min()));
    let seconds = GENERAL.iter().map(|local| (local, local.0.iter().filter_map(|words| beside_aws(words)).min()));
    let lasts = LAST.iter().map(|local| (local, local.0.iter().filter_map(|words| failing(words)).min()));
    let found = firsts.chain(seconds).chain(lasts).filter_map(|((_, cause, what, fix), at): (&Local, Option<usize>)| {
        let at = at?;
        let word = flat[..at].rfind(' ').map_or(0, |space| space + 1);
        let said = head(&flat[word..], 200).trim_end();
        let finding = Finding::new(*cause, *what).seen(said).try_this(*fix).likely();
        Some(Sighting { message: said.to_owned(), at, ..bare(finding) })
    });
    found.collect()
}

fn between(text: &str, open: &str, close: &str) -> Option<String> {
    let rest = text.rsplit_once(open)?.1;
    let name = rest.split_once(close)?.0;
    (!name.is_empty() && name.len() < 64).then(|| name.to_owned())
}

/// The first `limit` bytes, in whole characters.
fn head(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The last `limit` bytes, in whole characters.
fn tail(text: &str, limit: usize) -> &str {
    let start = (text.len().saturating_sub(limit)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Sighting {
        let mut found = find(text);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    #[test]
    fn a_text_without_an_aws_error_has_none() {
        for text in [
            "",
            "all is well",
            "AccessDenied is a word",
            "\u{1b}[31m",
            "HTTP 403 Forbidden",
            "Throttling back",
            "java.nio.file.AccessDeniedException: /etc/shadow",
            "org.springframework.security.oauth2.common.exceptions.InvalidGrantException: Bad password",
            "[Nest] ERROR [ExceptionsHandler] UnauthorizedException: Unauthorized",
            "psql: error: connection to server at \"db\" failed: Connection refused",
            "curl: (6) no such host: db.internal",
            "import com.amazonaws.services.securitytoken.model.ExpiredTokenException;",
            "aws_errors_total{code=\"ExpiredToken\"} 0",
            "ValidationError: User validation failed: email: Path `email` is required.",
            "An error occurred (ValidationError) when calling the UpdateStack operation: No updates are to be performed.",
            "<Error><Code>SignatureDoesNotMatch</Code><HostId>x.oss-cn-beijing.aliyuncs.com</HostId></Error>",
            "W: GPG error: Signature expired: Mon 01 Jan 2024",
            "\"GET /.aws/credentials HTTP/1.1\" 404; connect() failed (111: Connection refused) while connecting to upstream",
            "redis: connect ECONNREFUSED 127.0.0.1:6379, see laws.js",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn code_operation_and_request_are_found() {
        let cli = only(
            "\nAn error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.\n",
        );
        assert_eq!((cli.code.as_deref(), cli.operation.as_deref()), (Some("InvalidClientTokenId"), Some("GetCallerIdentity")));
        assert_eq!(cli.message, "The security token included in the request is invalid.");
        assert_eq!(cli.finding.cause, Cause::AccessKeyUnknown);
        let go = only(
            "operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: 12345678-abcd, api error ExpiredToken: The security token included in the request is expired",
        );
        assert_eq!(
            (go.service.as_deref(), go.operation.as_deref(), go.request_id.as_deref()),
            (Some("STS"), Some("GetCallerIdentity"), Some("12345678-abcd"))
        );
        assert_eq!(go.finding.cause, Cause::SessionExpired);
    }

    #[test]
    fn what_ends_a_program_comes_before_what_it_gets_over() {
        let throttled = "ThrottlingException: Rate exceeded (attempt 1), request id: 0badc0de-1111\n";
        let first = |text: &str| find(text).first().map(|one| one.finding.cause);
        let expired = format!("{throttled}An error occurred (ExpiredToken) when calling the X operation: The provided token has expired.");
        assert_eq!(first(&expired), Some(Cause::SessionExpired));
        let signed_out = format!("{throttled}Error when retrieving token from sso: Token has expired and refresh failed");
        assert_eq!(first(&signed_out), Some(Cause::SsoSessionExpired));
        assert_eq!(first(throttled), Some(Cause::Throttled));
    }

    #[test]
    fn an_answer_without_a_body_is_a_refusal() {
        let one = only("botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden");
        assert_eq!((one.finding.cause, one.operation.as_deref()), (Cause::PermissionDenied, Some("HeadObject")));
    }

    #[test]
    fn wrapped_and_coloured_text_is_put_together() {
        let text = "\u{1b}[31m│\u{1b}[0m \u{1b}[1mError: \u{1b}[0mapi error\n│ SignatureDoesNotMatch: Signature\n│ expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)\n";
        assert_eq!(only(text).finding.cause, Cause::ClockSkew);
    }

    #[test]
    fn what_others_put_in_front_of_lines_is_left_off() {
        for prefix in ["> ", "| ", "app-1  | ", "[pod/web-7d9f/app] ", "2024-01-01T00:00:00.000Z ", "│ "] {
            let text = format!(
                "{prefix}operation error STS: GetCallerIdentity, api error\n{prefix}ExpiredToken: The security token\n{prefix}included in the request is expired\n"
            );
            let one = only(&text);
            assert_eq!((one.operation.as_deref(), one.finding.cause), (Some("GetCallerIdentity"), Cause::SessionExpired), "{prefix}");
        }
    }

    #[test]
    fn the_same_error_ten_times_is_one() {
        let text = "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided token has expired.\n".repeat(10);
        let one = only(&text);
        assert_eq!((one.count, one.message.as_str()), (10, "The provided token has expired."));
    }

    #[test]
    fn our_own_failure_keeps_its_cause() {
        let text = "Error when retrieving credentials from custom-process: awsfresh: profile `prod`: the SSO session `corp` ended 2 h ago [sso-session-expired]\n  seen: token in the OS keyring\n  try:  aws sso login --sso-session corp\n";
        let own = only(text);
        assert_eq!((own.finding.cause, own.finding.remedy[0].as_str()), (Cause::SsoSessionExpired, "aws sso login --sso-session corp"));
    }

    #[test]
    fn any_text_is_survived() {
        let odd = "An error occurred (InvalidClientTokenId)ä".repeat(3) + "awsfresh: ä [x" + "\u{1b}[";
        assert!(!find(&odd).is_empty());
        for n in 0..odd.len() {
            if odd.is_char_boundary(n) {
                find(&odd[..n]);
                find(&odd[n..]);
            }
        }
    }
}
