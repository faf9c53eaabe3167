# Completes awsfresh in fish. Needs awsfresh in PATH.
# It prints `words`, `files` or `command INDEX`, and after `words` a line for each word.

function __awsfresh_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l word (commandline --current-token --cut-at-cursor)
    set -l lines (command awsfresh complete-words fish --word=$word -- $words[2..] 2>/dev/null)
    switch "$lines[1]"
        case words
            printf '%s\n' $lines[2..]
        case files
            __fish_complete_path $word
        case 'command *'
            set -l first (math (string split ' ' $lines[1])[2] + 2)
            set -l command (string escape -- $words[$first..]) $word
            complete --do-complete "$command"
    end
end

complete --command awsfresh --no-files --arguments '(__awsfresh_complete)'
