# Puts this environment in front in the csh or tcsh that reads this file: source bin/activate.csh
# `deactivate` undoes it.

alias deactivate 'if ($?_OLD_VIRTUAL_PATH) eval setenv PATH '\''"$_OLD_VIRTUAL_PATH:q"'\''; unset _OLD_VIRTUAL_PATH; if ($?_OLD_VIRTUAL_PYTHONHOME) eval setenv PYTHONHOME '\''"$_OLD_VIRTUAL_PYTHONHOME:q"'\''; unset _OLD_VIRTUAL_PYTHONHOME; if ($?_OLD_VIRTUAL_PROMPT) eval set prompt = '\''"$_OLD_VIRTUAL_PROMPT:q"'\''; unset _OLD_VIRTUAL_PROMPT; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; if ("\!:*" != nondestructive) unalias deactivate'

# What was active before, also of another tool, which keeps the same names.
deactivate nondestructive

# These shells do not tell by which way the file was reached.
setenv VIRTUAL_ENV @AT@
setenv VIRTUAL_ENV_PROMPT @PROMPT@

set _OLD_VIRTUAL_PATH = "$PATH:q"
setenv PATH "$VIRTUAL_ENV:q/bin:$PATH:q"

if ($?PYTHONHOME) then
    set _OLD_VIRTUAL_PYTHONHOME = "$PYTHONHOME:q"
    unsetenv PYTHONHOME
endif

if (! $?VIRTUAL_ENV_DISABLE_PROMPT) then
    if ($?prompt) then
        set _OLD_VIRTUAL_PROMPT = "$prompt:q"
        set prompt = "($VIRTUAL_ENV_PROMPT:q) $prompt:q"
    endif
endif

rehash
