@{
    ModuleVersion = '7.0.0.0'
    GUID = '1da87e53-152b-403e-98dc-74d7b4d63d59'
    NestedModules = '../../pwsh.dll'
    FunctionsToExport = @()
    AliasesToExport = @()
    CmdletsToExport = @(
        'Write-Output', 'Write-Host', 'Write-Error', 'Write-Warning', 'Write-Verbose', 'Write-Debug',
        'Write-Information', 'Write-Progress', 'Read-Host', 'Select-Object', 'Sort-Object', 'Measure-Object',
        'Group-Object', 'New-Object', 'Add-Member', 'Get-Date', 'Start-Sleep', 'New-Guid', 'Get-Random',
        'Invoke-Expression', 'Out-String', 'Out-File', 'Get-Variable', 'Set-Variable', 'Remove-Variable',
        'ConvertFrom-Json', 'ConvertTo-Json', 'ConvertTo-Csv', 'ConvertFrom-Csv', 'Export-Csv', 'Import-Csv'
    )
}
