@{
    ModuleVersion = '7.0.0.0'
    GUID = 'eefcb906-b326-4e99-9f54-8b4bb6ef3c6d'
    NestedModules = '../../pwsh.dll'
    FunctionsToExport = @()
    AliasesToExport = @()
    CmdletsToExport = @(
        'Get-Content', 'Set-Content', 'Add-Content', 'Clear-Content', 'Test-Path', 'Get-Item', 'Get-ChildItem',
        'New-Item', 'Remove-Item', 'Copy-Item', 'Move-Item', 'Join-Path', 'Split-Path', 'Resolve-Path',
        'Convert-Path', 'Get-Location', 'Set-Location'
    )
}
