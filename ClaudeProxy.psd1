@{
    RootModule           = 'ClaudeProxy.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '2b917811-db1c-49e6-bfcd-d74851872054'
    Author               = 'claude-proxy'
    Description          = 'Leads Claude Code in a terminal through claude-proxy: claude-fb, claude-switch, claude-reset, claude-status.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Use-ClaudeProxy', 'Switch-ClaudeProxyProvider', 'Reset-ClaudeProxy', 'Get-ClaudeProxyStatus')
    AliasesToExport      = @('claude-fb', 'claude-switch', 'claude-reset', 'claude-status')
    CmdletsToExport      = @()
    VariablesToExport    = @()
}
