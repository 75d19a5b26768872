# Functions for PowerShell that send this terminal's Claude Code through claude-proxy, and turn that off.
# They hold no logic: they evaluate the statements that the program prints for PowerShell.
# For Windows PowerShell 5.1 and PowerShell 7. Plain ASCII, since 5.1 reads a file without a mark in the local code page.

Set-StrictMode -Version 2.0

$env:CLAUDE_PROXY_SHELL = 'powershell'

function Get-ClaudeProxyProgram {
    # The words that run the program: proxy.py beside this file, with the first Python found, else the installed command.
    $script = Join-Path -Path $PSScriptRoot -ChildPath 'proxy.py'
    if (-not (Test-Path -LiteralPath $script -PathType Leaf)) {
        $found = Get-Command -Name 'claude-proxy' -CommandType Application -ErrorAction Ignore | Select-Object -First 1
        if (-not $found) { throw "claude-proxy was not found: proxy.py is not in $PSScriptRoot, and claude-proxy is not on PATH. Install it, or put it on PATH." }
        return $found.Path
    }
    foreach ($part in '.venv/Scripts/python.exe', '.venv/bin/python') {
        $python = Join-Path -Path $PSScriptRoot -ChildPath $part
        if (Test-Path -LiteralPath $python -PathType Leaf) { return $python, $script }
    }
    foreach ($name in 'py', 'python3', 'python') {
        $found = Get-Command -Name $name -CommandType Application -ErrorAction Ignore | Select-Object -First 1
        if ($found) { return $found.Path, $script }
    }
    throw 'Python 3.11 or newer was not found: install it, or put it on PATH.'
}

function Invoke-ClaudeProxyCommand {
    # Run the program and pass its output on. Its messages are shown, or become the error if the exit code is not among
    # the accepted ones.
    param([Parameter(Mandatory)] [string[]] $Words, [int[]] $Accept = @(0), [switch] $Quiet)
    $ErrorActionPreference = 'Continue' # a message on standard error is no error by itself
    $PSNativeCommandUseErrorActionPreference = $false
    $first, $rest = @(Get-ClaudeProxyProgram) + $Words
    $rest = @($rest) # a single word would be split into characters
    $messages = New-Object -TypeName 'System.Collections.Generic.List[string]'
    & $first @rest 2>&1 | ForEach-Object -Process {
        if ($_ -is [System.Management.Automation.ErrorRecord]) {
            # 5.1 turns an empty line into the name of this type
            $messages.Add(([string]$_ -replace '^System\.Management\.Automation\.RemoteException$', ''))
        }
        else { $_ }
    }
    if ($Accept -notcontains $LASTEXITCODE) {
        throw (($messages -join [Environment]::NewLine) -replace '^error: ', '')
    }
    if (-not $Quiet) {
        $messages | ForEach-Object -Process { Write-Information -MessageData $_ -InformationAction Continue }
    }
}

function Get-ClaudeProxyStatement {
    # What the program prints for this shell to evaluate; plain ASCII. Only the program gets what this session keeps of
    # the variables' values from before. A value that is empty would be none: hence the space.
    param([Parameter(Mandatory)] [string[]] $Words)
    $kept = Get-Variable -Scope Global -Name 'CLAUDE_PROXY_SAVED_SHELL' -ValueOnly -ErrorAction Ignore
    try {
        $env:CLAUDE_PROXY_SAVED_SHELL = "$kept "
        [scriptblock]::Create(@(Invoke-ClaudeProxyCommand -Words ($Words + '--shell', 'powershell')) -join "`n")
    }
    finally {
        Remove-Item -LiteralPath Env:CLAUDE_PROXY_SAVED_SHELL -ErrorAction Ignore -Confirm:$false
    }
}

function Use-ClaudeProxy {
    <#
    .SYNOPSIS
    Sends this terminal's claude through the proxy, with failover over all providers.
    .DESCRIPTION
    Starts the proxy if it does not run, and shows the order of the providers, which of them are cooling down and until
    when, and which lack a key. Other terminals do not change. Reset-ClaudeProxy turns it off again.
    .EXAMPLE
    claude-fb
    .LINK
    Switch-ClaudeProxyProvider
    .LINK
    Reset-ClaudeProxy
    #>
    [CmdletBinding()]
    param()
    try {
        . (Get-ClaudeProxyStatement -Words 'fallback')
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

function Switch-ClaudeProxyProvider {
    <#
    .SYNOPSIS
    Sends this terminal's claude to one provider alone, without failover.
    .DESCRIPTION
    Starts the proxy if it does not run. A name that is not configured is an error, which lists the configured names.
    .PARAMETER Provider
    The provider's name in config.json. Tab completes it.
    .EXAMPLE
    claude-switch -Provider moonshot
    .LINK
    Use-ClaudeProxy
    #>
    [CmdletBinding()]
    param(
        [Parameter(Mandatory, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string] $Provider
    )
    try {
        . (Get-ClaudeProxyStatement -Words 'switch', '--provider', $Provider)
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

function Reset-ClaudeProxy {
    <#
    .SYNOPSIS
    Restores this terminal's variables, and stops the proxy.
    .DESCRIPTION
    Every variable gets the value that it had before, or none. If requests of other terminals are in flight, this
    says so and waits for them; Ctrl-C ends the waiting, and the proxy still stops after them.
    .PARAMETER Force
    Cut the requests in flight.
    .PARAMETER KeepProxy
    Leave the proxy running; reset this terminal only.
    .EXAMPLE
    claude-reset
    .EXAMPLE
    claude-reset -KeepProxy
    .LINK
    Use-ClaudeProxy
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([switch] $Force, [switch] $KeepProxy)
    $what = if ($KeepProxy) { 'Turn the proxy off' } else { 'Turn the proxy off, and stop it' }
    if (-not $PSCmdlet.ShouldProcess('this terminal', $what)) { return }
    $words = @('reset')
    if ($Force) { $words += '--force' }
    if ($KeepProxy) { $words += '--keep-proxy' }
    try {
        . (Get-ClaudeProxyStatement -Words $words)
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

function Get-ClaudeProxyStatus {
    <#
    .SYNOPSIS
    Shows this terminal's mode, the proxy, and every provider's health.
    .PARAMETER Json
    One JSON object, for programs.
    .EXAMPLE
    claude-status
    .EXAMPLE
    (claude-status -Json | ConvertFrom-Json).providers
    #>
    [CmdletBinding()]
    [OutputType([string])]
    param([switch] $Json)
    $words = @('status')
    if ($Json) { $words += '--json' }
    try {
        Invoke-ClaudeProxyCommand -Words $words -Accept 0, 1
    }
    catch {
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

Register-ArgumentCompleter -CommandName 'Switch-ClaudeProxyProvider' -ParameterName 'Provider' -ScriptBlock {
    $word = [string]$args[2]
    $names = @(Invoke-ClaudeProxyCommand -Words 'switch', '--shell', 'powershell', '--list' -Quiet)
    $names | Where-Object -FilterScript { $_.StartsWith($word, [StringComparison]::OrdinalIgnoreCase) }
}

Set-Alias -Name 'claude-fb' -Value 'Use-ClaudeProxy'
Set-Alias -Name 'claude-switch' -Value 'Switch-ClaudeProxyProvider'
Set-Alias -Name 'claude-reset' -Value 'Reset-ClaudeProxy'
Set-Alias -Name 'claude-status' -Value 'Get-ClaudeProxyStatus'

Export-ModuleMember -Function 'Use-ClaudeProxy', 'Switch-ClaudeProxyProvider', 'Reset-ClaudeProxy', 'Get-ClaudeProxyStatus' `
    -Alias 'claude-fb', 'claude-switch', 'claude-reset', 'claude-status'
