# Completes awsfresh in Nushell. Needs awsfresh in PATH.
# It prints `words`, `files` or `command INDEX`, and after `words` a line for each word.

let awsfresh_next_completer = $env.config.completions?.external?.completer?

$env.config.completions.external.enable = true
$env.config.completions.external.completer = {|spans: list<string>|
    if ($spans | first) != "awsfresh" {
        if $awsfresh_next_completer != null { do $awsfresh_next_completer $spans } else { null }
    } else {
        let before = ($spans | skip 1 | drop 1)
        let lines = (^awsfresh complete-words nushell $"--word=($spans | last)" -- ...$before | complete | get stdout | lines)
        if ($lines | first) != "words" {
            null
        } else {
            $lines | skip 1 | each {|line|
                let parts = ($line | split row "\t")
                { value: ($parts | first), description: ($parts | get -o 1 | default "") }
            }
        }
    }
}
