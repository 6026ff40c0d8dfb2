# Puts this environment in front in nushell: overlay use bin/activate.nu
# `deactivate` undoes it.

export-env {
    let at = @AT@
    let name = @PROMPT@
    let before = $env.PROMPT_COMMAND?
    let prompt = if ($env.VIRTUAL_ENV_DISABLE_PROMPT? | is-not-empty) or ($before == null) {
        {}
    } else {
        { PROMPT_COMMAND: {|| $"\(($name)) (if ($before | describe) == 'closure' { do $before } else { $before })" } }
    }
    hide-env --ignore-errors PYTHONHOME
    load-env ({
        VIRTUAL_ENV: $at
        VIRTUAL_ENV_PROMPT: $name
        PATH: ($env.PATH | split row (char esep) | prepend ($at | path join 'bin'))
    } | merge $prompt)
}

export alias deactivate = overlay hide activate
