# Completes awsfresh in bash. Needs awsfresh in PATH.
# It prints `words`, `files` or `command`, and after `words` a line for each word.

_awsfresh() {
    local kind="" line at
    COMPREPLY=()
    while IFS= read -r line; do
        if [ -z "$kind" ]; then
            kind=$line
        else
            COMPREPLY+=("$line")
        fi
    done < <(command awsfresh complete-words bash --line="${COMP_LINE:0:COMP_POINT}" --word="$2" 2>/dev/null)
    case $kind in
        files)
            compopt -o filenames -o default 2>/dev/null
            ;;
        command*)
            for ((at = 1; at < COMP_CWORD; at++)); do
                [ "${COMP_WORDS[at]}" = -- ] && break
            done
            at=$((at + 1))
            if declare -F _comp_command_offset >/dev/null; then
                _comp_command_offset "$at"
            elif declare -F _command_offset >/dev/null; then
                _command_offset "$at"
            elif [ "$at" -eq "$COMP_CWORD" ]; then
                compopt -o filenames 2>/dev/null
                while IFS= read -r line; do
                    COMPREPLY+=("$line")
                done < <(compgen -c -- "$2")
            else
                compopt -o filenames -o default 2>/dev/null
            fi
            ;;
    esac
}

complete -F _awsfresh awsfresh
