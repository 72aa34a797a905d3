@{
    ModuleVersion = '7.0.0.0'
    GUID = '1da87e53-152b-403e-98dc-74d7b4d63d59'
    NestedModules = '../../pwsh.dll'
    FunctionsToExport = @()
    AliasesToExport = @()
    CmdletsToExport = @('Write-Output', 'Write-Host', 'Write-Error', 'Write-Warning', 'Write-Verbose', 'Write-Debug',
        'Write-Information', 'Write-Progress', 'Read-Host')
}
