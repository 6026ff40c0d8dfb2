# Puts this environment in front in the PowerShell that reads this file: . bin/Activate.ps1
# `deactivate` undoes it.

function global:deactivate ([switch]$NonDestructive) {
    if (Test-Path -LiteralPath Env:_OLD_VIRTUAL_PATH) {
        $env:PATH = $env:_OLD_VIRTUAL_PATH
        Remove-Item -LiteralPath Env:_OLD_VIRTUAL_PATH
    }
    if (Test-Path -LiteralPath Env:_OLD_VIRTUAL_PYTHONHOME) {
        $env:PYTHONHOME = $env:_OLD_VIRTUAL_PYTHONHOME
        Remove-Item -LiteralPath Env:_OLD_VIRTUAL_PYTHONHOME
    }
    if (Test-Path -LiteralPath Function:_OLD_VIRTUAL_PROMPT) {
        Set-Item -LiteralPath Function:prompt -Value $function:_OLD_VIRTUAL_PROMPT
        Remove-Item -LiteralPath Function:_OLD_VIRTUAL_PROMPT
    }
    foreach ($name in 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        if (Test-Path -LiteralPath "Env:$name") { Remove-Item -LiteralPath "Env:$name" }
    }
    if (-not $NonDestructive) {
        Remove-Item -LiteralPath Function:deactivate
    }
}

# What was active before, also of another tool, which keeps the same names.
deactivate -NonDestructive

# The way by which this file was reached stays right when the environment is exchanged for its successor.
$env:VIRTUAL_ENV = [System.IO.Path]::GetDirectoryName($PSScriptRoot)
if (-not (Test-Path -LiteralPath "$env:VIRTUAL_ENV/pyvenv.cfg")) {
    $env:VIRTUAL_ENV = @AT@
}
$env:VIRTUAL_ENV_PROMPT = @PROMPT@

$env:_OLD_VIRTUAL_PATH = $env:PATH
$env:PATH = $env:VIRTUAL_ENV + '/bin' + [System.IO.Path]::PathSeparator + $env:PATH

if (Test-Path -LiteralPath Env:PYTHONHOME) {
    $env:_OLD_VIRTUAL_PYTHONHOME = $env:PYTHONHOME
    Remove-Item -LiteralPath Env:PYTHONHOME
}

if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    Set-Item -Path Function:global:_OLD_VIRTUAL_PROMPT -Value $function:prompt
    function global:prompt {
        Write-Host -NoNewline "($env:VIRTUAL_ENV_PROMPT) "
        _OLD_VIRTUAL_PROMPT
    }
}
