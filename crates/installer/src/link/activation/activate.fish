# Puts this environment in front in the fish that reads this file: source bin/activate.fish
# `deactivate` undoes it.

function deactivate --description 'Leave the environment of Python'
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if set -q _OLD_FISH_PROMPT_OVERRIDE
        set -e _OLD_FISH_PROMPT_OVERRIDE
        if functions -q _old_fish_prompt
            functions -e fish_prompt
            functions -c _old_fish_prompt fish_prompt
            functions -e _old_fish_prompt
        end
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate _pyfast_status
    end
end

# What was active before, also of another tool, which keeps the same names.
deactivate nondestructive

# The way by which this file was reached stays right when the environment is exchanged for its successor.
set -l at (status filename | string collect)
if not string match -q '/*' -- "$at"
    set at "$PWD/$at"
end
if builtin -n | string match -q path
    set at (path normalize -- "$at" | string collect)
end
set at (string replace -r '(?s)/[^/]*/[^/]*\z' '' -- "$at" | string collect)
# PATH has no way to write a colon.
if string match -q '*:*' -- "$at"; or not test -f "$at/pyvenv.cfg"
    set at @AT@
end

set -gx VIRTUAL_ENV "$at"
set -gx VIRTUAL_ENV_PROMPT @PROMPT@

set -g _OLD_VIRTUAL_PATH $PATH
set -gx PATH "$VIRTUAL_ENV/bin" $PATH

if set -q PYTHONHOME
    set -g _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

function _pyfast_status
    return $argv[1]
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"; and functions -q fish_prompt
    functions -c fish_prompt _old_fish_prompt
    set -g _OLD_FISH_PROMPT_OVERRIDE "$VIRTUAL_ENV"
    function fish_prompt
        set -l last $status
        printf '%s(%s) ' (set_color normal) $VIRTUAL_ENV_PROMPT
        # The user's own may show how the last command ended.
        _pyfast_status $last
        _old_fish_prompt
    end
end
