# What both modules of stand-ins share: the record of calls, and failures on request.

function ConvertTo-Recorded($Value) {
    if ($null -eq $Value) { return $null }
    if ($Value -is [System.Management.Automation.PSCredential]) {
        return @{ UserName = $Value.UserName; Password = $Value.GetNetworkCredential().Password }
    }
    if ($Value -is [switch]) { return $Value.IsPresent }
    if ($Value -is [bool] -or $Value -is [int] -or $Value -is [string]) { return $Value }
    if ($Value -is [System.Collections.IDictionary]) {
        $table = [ordered] @{}
        foreach ($key in $Value.Keys) { $table["$key"] = ConvertTo-Recorded $Value[$key] }
        return $table
    }
    if ($Value -is [System.Collections.IEnumerable]) { return , @($Value | ForEach-Object { ConvertTo-Recorded $_ }) }
    "$Value"
}

function Write-ExchangeCall([string] $Command, $Parameters) {
    if (-not $env:EXCHANGE_STAND_INS_LOG) { return }
    $line = [ordered] @{ command = $Command; parameters = (ConvertTo-Recorded $Parameters) } | ConvertTo-Json -Depth 6 -Compress
    [System.IO.File]::AppendAllText($env:EXCHANGE_STAND_INS_LOG, $line + "`n")
}

$script:failed = @{}

# Fails as EXCHANGE_STAND_INS_FAILURES wants it for this command, and where it names one, this identity:
# an error record; with "terminating" one that ends the caller's statement; with "end" the process is killed, or
# nothing comes back. "times" bounds how often. With "after" it happens once the change is made.
function Invoke-WantedFailure($Caller, [string] $Command, $Identity, [switch] $After) {
    if (-not $env:EXCHANGE_STAND_INS_FAILURES) { return }
    foreach ($wanted in ($env:EXCHANGE_STAND_INS_FAILURES | ConvertFrom-Json)) {
        $names = $wanted.PSObject.Properties.Name
        if ($wanted.command -ne $Command -or [bool] $After -ne ($names -contains 'after' -and $wanted.after)) { continue }
        if ($names -contains 'identity' -and "$Identity" -ne $wanted.identity) { continue }
        $key = $wanted | ConvertTo-Json -Compress
        $script:failed[$key] = 1 + [int] $script:failed[$key]
        if ($names -contains 'times' -and $script:failed[$key] -gt $wanted.times) { continue }
        if ($names -contains 'end' -and $wanted.end -eq 'kill') { [System.Diagnostics.Process]::GetCurrentProcess().Kill() }
        if ($names -contains 'end' -and $wanted.end -eq 'hang') { Start-Sleep -Seconds 3600 }
        $id = if ($names -contains 'id') { $wanted.id } else { 'WantedFailure' }
        $category = if ($names -contains 'category') { $wanted.category } else { 'InvalidOperation' }
        $record = [System.Management.Automation.ErrorRecord]::new([System.InvalidOperationException]::new($wanted.message), $id, $category, $Identity)
        if ($names -contains 'terminating' -and -not $wanted.terminating) { $Caller.WriteError($record) }
        else { $Caller.ThrowTerminatingError($record) }
    }
}
