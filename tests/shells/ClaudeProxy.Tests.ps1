# Pester tests of the PowerShell module: what PowerShell itself shows of it. The stories are told in the tests of all
# shells. Run by test_shell_files.py, or: Invoke-Pester -Path tests/shells

BeforeAll {
    $script:root = Split-Path -Path (Split-Path -Path $PSScriptRoot)
    $script:home0 = Join-Path -Path $TestDrive -ChildPath 'home'
    New-Item -ItemType Directory -Path $home0 | Out-Null
    $env:CLAUDE_PROXY_HOME = $home0
    Set-Content -Path (Join-Path $home0 'config.json') -Value '{"proxy_port": 8787, "providers": [{"preset": "minimax"}, {"preset": "moonshot"}]}'
    Set-Content -Path (Join-Path $home0 '.env') -Value "MINIMAX_API_KEY=one", "MOONSHOT_API_KEY=two"
    Import-Module (Join-Path -Path $root -ChildPath 'ClaudeProxy.psd1') -Force
}

AfterAll {
    if (Test-Path -Path Env:CLAUDE_PROXY_SAVED) { claude-reset -KeepProxy 6>$null }
    Remove-Module -Name ClaudeProxy
    Remove-Item -Path Env:CLAUDE_PROXY_HOME
}

Describe 'The module' {
    It 'has <alias> as a name of <function>' -ForEach @(
        @{ alias = 'claude-fb'; function = 'Use-ClaudeProxy' }
        @{ alias = 'claude-switch'; function = 'Switch-ClaudeProxyProvider' }
        @{ alias = 'claude-reset'; function = 'Reset-ClaudeProxy' }
        @{ alias = 'claude-status'; function = 'Get-ClaudeProxyStatus' }
    ) {
        (Get-Alias -Name $alias).ResolvedCommand.Name | Should -Be $function
        (Get-Verb).Verb | Should -Contain $function.Split('-')[0]
        $help = Get-Help -Name $alias
        $help.Synopsis | Should -Match '^\w.*\.$'
        @($help.examples.example).Count | Should -BeGreaterThan 0
    }

    It 'exports nothing else' {
        (Get-Module -Name ClaudeProxy).ExportedCommands.Count | Should -Be 8
    }

    It 'describes each parameter' {
        foreach ($name in 'Switch-ClaudeProxyProvider', 'Reset-ClaudeProxy', 'Get-ClaudeProxyStatus') {
            $own = (Get-Command -Name $name).Parameters.Keys | Where-Object {
                $_ -notin [System.Management.Automation.Cmdlet]::CommonParameters + 'WhatIf' + 'Confirm'
            }
            foreach ($parameter in $own) {
                (Get-Help -Name $name -Parameter $parameter).description.Text | Should -Not -BeNullOrEmpty
            }
        }
    }

    It 'can be imported by its .psm1, and again' {
        Import-Module (Join-Path -Path $root -ChildPath 'ClaudeProxy.psm1') -Force
        Import-Module (Join-Path -Path $root -ChildPath 'ClaudeProxy.psm1') -Force
        Get-Command -Name 'claude-fb' | Should -Not -BeNullOrEmpty
    }
}

Describe 'Completion of -Provider' {
    It 'offers the configured names for <line>' -ForEach @(
        @{ line = 'claude-switch -Provider m'; names = 'minimax', 'moonshot' }
        @{ line = 'claude-switch mo'; names = @('moonshot') }
        @{ line = 'Switch-ClaudeProxyProvider -Provider MI'; names = @('minimax') }
    ) {
        (TabExpansion2 $line -cursorColumn $line.Length).CompletionMatches.CompletionText | Should -Be $names
    }
}

Describe 'Reset' {
    It 'changes nothing with -WhatIf' {
        $env:CLAUDE_PROXY_SAVED = 'e30='
        Mock -ModuleName ClaudeProxy Invoke-ClaudeProxyCommand { }
        claude-reset -WhatIf
        Should -Invoke -ModuleName ClaudeProxy Invoke-ClaudeProxyCommand -Times 0 -Exactly
        $env:CLAUDE_PROXY_SAVED | Should -Be 'e30='
        Remove-Item -Path Env:CLAUDE_PROXY_SAVED
    }

    It 'asks where the user wants to be asked' {
        (Get-Command -Name Reset-ClaudeProxy).Parameters.Keys | Should -Contain 'Confirm'
    }
}

Describe 'What the session keeps' {
    AfterEach { Remove-Variable -Scope Global -Name CLAUDE_PROXY_SAVED_SHELL, seen -ErrorAction Ignore }

    It 'is shown to the program, and to no other' {
        $global:CLAUDE_PROXY_SAVED_SHELL = 'e30='
        Mock -ModuleName ClaudeProxy Invoke-ClaudeProxyCommand { "`$global:seen = '$env:CLAUDE_PROXY_SAVED_SHELL'" }
        claude-fb
        $global:seen.Trim() | Should -Be 'e30='
        Test-Path -Path Env:CLAUDE_PROXY_SAVED_SHELL | Should -BeFalse
    }

    It 'is shown to no other if the program fails' {
        $global:CLAUDE_PROXY_SAVED_SHELL = 'e30='
        Mock -ModuleName ClaudeProxy Invoke-ClaudeProxyCommand { throw 'no' }
        { claude-reset } | Should -Throw
        Test-Path -Path Env:CLAUDE_PROXY_SAVED_SHELL | Should -BeFalse
        $global:CLAUDE_PROXY_SAVED_SHELL | Should -Be 'e30='
    }

    It 'may be nothing, in strict mode too' {
        Mock -ModuleName ClaudeProxy Invoke-ClaudeProxyCommand { "`$global:seen = 'told'" }
        claude-fb
        $global:seen | Should -Be 'told'
    }
}

Describe 'Errors' {
    It 'are errors of PowerShell, which can be caught' {
        Set-Content -Path (Join-Path $home0 'config.json') -Value '{'
        { claude-fb } | Should -Throw -ExpectedMessage '*config.json*'
        { claude-switch } | Should -Throw
        try { claude-fb } catch { $_.FullyQualifiedErrorId | Should -Match 'Use-ClaudeProxy$' }
    }

    It 'are told where there is no Python and no command' {
        $module = Get-Module -Name ClaudeProxy
        Mock -ModuleName ClaudeProxy Get-Command { }
        Mock -ModuleName ClaudeProxy Test-Path { $LiteralPath -like '*proxy.py' }
        { & $module { Get-ClaudeProxyProgram } } | Should -Throw -ExpectedMessage 'Python 3.11*'
        Mock -ModuleName ClaudeProxy Test-Path { $false }
        { & $module { Get-ClaudeProxyProgram } } | Should -Throw -ExpectedMessage 'claude-proxy was not found*'
    }
}

Describe 'The program' {
    BeforeAll { $script:module = Get-Module -Name ClaudeProxy }

    It 'is proxy.py by the Python of the venv beside it' {
        Mock -ModuleName ClaudeProxy Test-Path { $LiteralPath -like '*proxy.py' -or $LiteralPath -like '*Scripts?python.exe' }
        $words = & $module { Get-ClaudeProxyProgram }
        $words[0] | Should -Match 'Scripts.python\.exe$'
        $words[1] | Should -Match 'proxy\.py$'
    }

    It 'is proxy.py by the launcher of Windows before any other Python' {
        Mock -ModuleName ClaudeProxy Test-Path { $LiteralPath -like '*proxy.py' }
        Mock -ModuleName ClaudeProxy Get-Command { [pscustomobject]@{ Path = "C:\$Name.exe" } }
        (& $module { Get-ClaudeProxyProgram })[0] | Should -Be 'C:\py.exe'
    }

    It 'gets its words whole, even one alone' {
        $python = Get-Command -Name 'python3', 'python' -CommandType Application -ErrorAction Ignore | Select-Object -First 1
        Mock -ModuleName ClaudeProxy Get-ClaudeProxyProgram { $python.Path }
        & $module { Invoke-ClaudeProxyCommand -Words '--version' } | Should -BeLike 'Python 3.*'
    }

    It 'is the installed command where there is no proxy.py' {
        Mock -ModuleName ClaudeProxy Test-Path { $false }
        Mock -ModuleName ClaudeProxy Get-Command { [pscustomobject]@{ Path = "C:\$Name.exe" } }
        & $module { Get-ClaudeProxyProgram } | Should -Be 'C:\claude-proxy.exe'
    }
}
