# Stand-ins for the Exchange cmdlets that scripts use, on an organisation in a JSON file, named by
# EXCHANGE_STAND_INS_ORGANISATION and written back after each change:
#
#   { "users": [{"SamAccountName", …}], "mailboxes": [{"Guid", "SamAccountName", "PrimarySmtpAddress",
#     "EmailAddresses": […], "Database", …}], "databases": [{"Name", "Guid", "Server", "Mounted", …}],
#     "moveRequests": [{"Identity", "Guid", "TargetDatabase", "Statuses": […]}], "noPrompt": true }
#
# Parameters and rules are those of Microsoft's documentation of each cmdlet (learn.microsoft.com,
# powershell/module/exchange). Calls are recorded, and fail on request: ../ExchangeStandIns/Journal.ps1.

. ([System.IO.Path]::Combine($PSScriptRoot, '..', 'ExchangeStandIns', 'Journal.ps1'))

class ManagementObjectNotFoundException : System.Exception { ManagementObjectNotFoundException([string] $message) : base($message) {} }
class RecipientTaskException : System.Exception { RecipientTaskException([string] $message) : base($message) {} }
class ProxyAddressExistsException : System.Exception { ProxyAddressExistsException([string] $message) : base($message) {} }
class InvalidOperationInThisContextException : System.Exception { InvalidOperationInThisContextException([string] $message) : base($message) {} }
class AssociatedMailboxFoundException : System.Exception { AssociatedMailboxFoundException([string] $message) : base($message) {} }

function Read-Organisation {
    $organisation = [System.IO.File]::ReadAllText($env:EXCHANGE_STAND_INS_ORGANISATION) | ConvertFrom-Json
    foreach ($list in 'users', 'mailboxes', 'databases', 'moveRequests') {
        $items = [System.Collections.ArrayList]::new()
        if ($organisation.PSObject.Properties[$list]) { foreach ($one in $organisation.$list) { $null = $items.Add($one) } }
        $organisation | Add-Member -NotePropertyName $list -NotePropertyValue $items -Force
    }
    $organisation
}

function Save-Organisation($Organisation) {
    $path = $env:EXCHANGE_STAND_INS_ORGANISATION
    [System.IO.File]::WriteAllText("$path.new", ($Organisation | ConvertTo-Json -Depth 10))
    [System.IO.File]::Move("$path.new", $path, $true)
}

# An object as Exchange's own, whose type name the session carries over as Deserialized.<name>.
function Format-ExchangeObject($Item, [string] $Type) {
    $copy = [pscustomobject] @{}
    foreach ($property in $Item.PSObject.Properties) { $copy | Add-Member -NotePropertyName $property.Name -NotePropertyValue $property.Value }
    $copy.PSObject.TypeNames.Insert(0, "Microsoft.Exchange.Data.Directory.$Type")
    $text = if ($copy.PSObject.Properties['Identity']) { "$($copy.Identity)" } else { "$($copy.Name)" }
    [psobject].GetProperty('ToStringFromDeserialization', [System.Reflection.BindingFlags] 'NonPublic, Instance').SetValue($copy, $text)
    $copy
}

function Stop-ExchangeTask($Caller, [System.Exception] $Exception, $Target) {
    $name = $Exception.GetType().Name
    $id = "[Server=MAILBOX01,RequestId=$(New-Guid),TimeStamp=1/1/2026 8:00:00 AM] [FailureCategory=Cmdlet-$name] 1A2B3C4D"
    $record = [System.Management.Automation.ErrorRecord]::new($Exception, $id, 'NotSpecified', $Target)
    $Caller.ThrowTerminatingError($record)
}

$script:identityNames = 'Guid', 'Identity', 'ExchangeGuid', 'SamAccountName', 'Alias', 'UserPrincipalName', 'PrimarySmtpAddress', 'DistinguishedName', 'Name', 'DisplayName'

function Find-ByIdentity($Items, $Identity) {
    foreach ($item in @($Items)) {
        foreach ($name in $script:identityNames) {
            $property = $item.PSObject.Properties[$name]
            if ($property -and "$($property.Value)" -eq "$Identity") { return $item }
        }
        $addresses = $item.PSObject.Properties['EmailAddresses']
        if ($addresses -and @($addresses.Value) -contains "smtp:$Identity") { return $item }
    }
}

function Get-ByIdentity($Caller, $Items, $Identity) {
    $found = Find-ByIdentity $Items $Identity
    if ($null -eq $found) {
        Stop-ExchangeTask $Caller ([ManagementObjectNotFoundException]::new("The operation couldn't be performed because object '$Identity' couldn't be found on 'dc01.contoso.com'.")) $Identity
    }
    $found
}

# OPath of the simple kind: `Property -eq 'value'`, joined by -and.
function Test-OPathFilter($Item, [string] $Filter) {
    foreach ($part in $Filter -split '\s+-and\s+') {
        if ($part -notmatch '^\s*\(?\s*(\w+)\s+-(eq|ne)\s+(?:"([^"]*)"|''((?:[^'']|'''')*)''|(\$\w+))\s*\)?\s*$') {
            throw [System.ArgumentException]::new("the stand-in does not read this filter: $Filter")
        }
        $wanted = if ($Matches[5]) { $Matches[5].TrimStart('$') } elseif ($Matches[3]) { $Matches[3] } else { "$($Matches[4])" -replace "''", "'" }
        $property = $Item.PSObject.Properties[$Matches[1]]
        $held = $property -and "$($property.Value)" -eq $wanted
        if ($held -ne ($Matches[2] -eq 'eq')) { return $false }
    }
    $true
}

# Where nobody can be asked, a change that is not told -Confirm:$false cannot go on: so it is over remoting.
function Confirm-Change($Caller, $Bound, $Target) {
    if ($Bound.ContainsKey('Confirm') -and -not $Bound['Confirm']) { return }
    $Caller.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new(
            [System.Management.Automation.Host.HostException]::new('A command that prompts the user failed because the host program or the command type does not support user interaction.'),
            'HostFunctionNotImplemented', 'NotImplemented', $Target))
}

function Get-PrimaryAddress($Addresses) { @($Addresses | Where-Object { $_ -clike 'SMTP:*' })[0] }

# The list that a mailbox is given: one primary address, none that belongs to another recipient.
function Set-Addresses($Caller, $Organisation, $Mailbox, $Wanted) {
    $list = @()
    if ($Wanted -is [System.Collections.IDictionary]) {
        $remove = @($Wanted['Remove'] | ForEach-Object { if ("$_" -match '^[A-Za-z0-9-]+:') { "$_" } else { "smtp:$_" } })
        $list += @($Mailbox.EmailAddresses | Where-Object { $remove -notcontains $_ })
        $add = @($Wanted['Add'])
    } else { $add = @($Wanted) }
    foreach ($one in $add) {
        if ($null -eq $one) { continue }
        $text = if ("$one" -match '^[A-Za-z0-9-]+:') { "$one" } else { "smtp:$one" }
        if ($list -notcontains $text) { $list += $text }
    }
    $primaries = @($list | Where-Object { $_ -clike 'SMTP:*' })
    if ($primaries.Count -gt 1) { Stop-ExchangeTask $Caller ([RecipientTaskException]::new("There are multiple primary SMTP addresses: $($primaries -join ', ').")) $Mailbox.Identity }
    if ($primaries.Count -eq 0) {
        $first = @($list | Where-Object { $_ -like 'smtp:*' })[0]
        if ($null -eq $first) { Stop-ExchangeTask $Caller ([RecipientTaskException]::new("There are no primary SMTP addresses for '$($Mailbox.Identity)'.")) $Mailbox.Identity }
        $list = @($list | ForEach-Object { if ($_ -ceq $first) { 'SMTP:' + $first.Substring(5) } else { $_ } })
    }
    foreach ($other in $Organisation.mailboxes) {
        if ($other.Guid -eq $Mailbox.Guid) { continue }
        foreach ($one in $list) {
            if (@($other.EmailAddresses) -contains $one) {
                Stop-ExchangeTask $Caller ([ProxyAddressExistsException]::new("The proxy address `"$one`" is already being used by the proxy addresses or LegacyExchangeDN of `"$($other.Identity)`". Please choose another proxy address.")) $Mailbox.Identity
            }
        }
    }
    Set-Value $Mailbox 'EmailAddresses' $list
    Set-Value $Mailbox 'PrimarySmtpAddress' (Get-PrimaryAddress $list).Substring(5)
}

function Set-Value($Item, [string] $Name, $Value) { $Item | Add-Member -NotePropertyName $Name -NotePropertyValue $Value -Force }

# Parameters that name something rather than give it a value.
$script:notValues = @('Identity', 'Confirm', 'WhatIf', 'Force', 'DomainController', 'EmailAddresses', 'PrimarySmtpAddress') + [System.Management.Automation.PSCmdlet]::CommonParameters

function Copy-Parameters($Bound, $Item) {
    foreach ($name in $Bound.Keys) {
        if ($script:notValues -notcontains $name) { Set-Value $Item $name $Bound[$name] }
    }
}

. (Join-Path $PSScriptRoot 'Mailboxes.ps1')
. (Join-Path $PSScriptRoot 'Databases.ps1')
Export-ModuleMember -Function Set-ADServerSettings, Get-ExchangeServer, Get-Mailbox, Get-Recipient, Get-User, Enable-Mailbox, Set-Mailbox, Disable-Mailbox, Remove-Mailbox, New-MoveRequest, Get-MoveRequest, Get-MoveRequestStatistics, Remove-MoveRequest, Get-MailboxDatabase, New-MailboxDatabase, Set-MailboxDatabase, Mount-Database, Dismount-Database, Remove-MailboxDatabase
