<#
.SYNOPSIS
Carries out provisioning orders on an Exchange organisation over remote PowerShell.

.DESCRIPTION
An order's target entity type decides what it is about: MicrosoftExchange_Mailbox, a mailbox, found by
SamAccountName, else Guid, else Identity; MicrosoftExchange_Database, a mailbox database, found by Name or Guid.
A value is looked up in Changes, then in Resource.

Options, one line of JSON on standard input: Server (http://<ServerFQDN>/PowerShell/, or several of one
organisation), AuthType (Kerberos, the default, or Basic), Login and Password (with Kerberos they may be left out:
the running account is used). Further ones: AllowRemoveMailbox (a deleted mailbox order removes the account too),
WaitForMove (a move has ended before its order has), MountAttempts (10), MountWaitSeconds (6), DomainController.
What ProtectedMailboxes and ProtectedDatabases of the connection name is not touched, whatever an order says.

Windows PowerShell 5.1 and PowerShell 7 on Windows, which alone has WS-Management.

.NOTES
Copy this script to make one of your own: a newer version of the connector may bring a newer one.
#>
param(
  [Parameter(Mandatory = $true)][string]$resultsFilePath,
  [Parameter(Mandatory = $true)][string]$ordersPath
)

. (Join-Path -Path $PSScriptRoot -ChildPath "Environment.ps1")
. (Join-Path -Path $runtimePath -ChildPath "Usercube-Visit-Orders.ps1")

# The value of a member, or nothing: of an order that lacks the section, too.
function Get-Member-Value {
  param ($object, [string]$name)
  if ($null -eq $object -or $null -eq $object.PSObject.Properties[$name]) { return $null }
  return $object.PSObject.Properties[$name].Value
}

# A key in Changes, then in Resource.
function Get-Order-Value {
  param ($order, [string]$name)
  $value = Get-Member-Value (Get-Member-Value $order 'Changes') $name
  if ($null -ne $value -and "$value" -ne '') { return $value }
  return Get-Member-Value (Get-Member-Value $order 'Resource') $name
}

# The name of a database: { "Name": "DB1" }, or the text itself.
function Get-Database-Name {
  param ($value)
  if ($null -eq $value) { return $null }
  $name = Get-Member-Value $value 'Name'
  if ($null -ne $name) { return [string]$name }
  if ($value -is [string]) { return $value }
  return $null
}

function Test-True {
  param ($value)
  if ($value -is [bool]) { return $value }
  return ([string]$value).Trim() -eq 'true'
}

# A cmdlet with its parameters; what it reports as an error ends the order. Its output is nobody's.
function Invoke-Exchange {
  param ([string]$cmdlet, [hashtable]$parameters)
  if ($domainController -and $cmdlet -notlike '*-Database') { $parameters['DomainController'] = $domainController }
  & $cmdlet @parameters -ErrorAction Stop
}

# Addresses from the text of an order, as the export writes it: split before every "<prefix>:" that follows a
# space; %20 is a space, %25 a percent sign. A list is taken as it is; an address without a prefix is SMTP.
function Split-Addresses {
  param ($value)
  $addresses = @()
  if ($value -is [string]) {
    $texts = [regex]::Split($value.Trim(), '\s+(?=[A-Za-z][A-Za-z0-9-]*:|[^\s:]+@)')
    foreach ($text in $texts) {
      if ($text.Trim() -ne '') { $addresses += $text.Trim().Replace('%20', ' ').Replace('%25', '%') }
    }
  }
  else {
    foreach ($each in @($value)) { if ("$each".Trim() -ne '') { $addresses += "$each".Trim() } }
  }
  $prefixed = @()
  foreach ($address in $addresses) {
    if ($address -match '^[A-Za-z][A-Za-z0-9-]*:') { $prefixed += $address } else { $prefixed += "smtp:$address" }
  }
  return $prefixed
}

function Get-Address-Type {
  param ([string]$address)
  return $address.Substring(0, $address.IndexOf(':')).ToUpperInvariant()
}

function Get-Address-Text {
  param ([string]$address)
  return $address.Substring($address.IndexOf(':') + 1)
}

# The whole list of addresses that an order asks for, with exactly one primary; $null where it asks for none.
#   EmailAddresses        all SMTP addresses: one that is not in it goes; other types stay unless the list names them
#   PrimarySmtpAddress    alone: the primary changes, the old one stays as a secondary
function Get-Wanted-Addresses {
  param ($order, $current)
  $changes = Get-Member-Value $order 'Changes'
  $listed = Get-Member-Value $changes 'EmailAddresses'
  $primary = [string](Get-Member-Value $changes 'PrimarySmtpAddress')
  $hasList = $null -ne $listed -and "$listed".Trim() -ne ''
  if (-not $hasList -and $primary -eq '') { return $null }
  if ($primary -match '^(?i:smtp):') { $primary = Get-Address-Text $primary }
  if ($hasList) { $asked = @(Split-Addresses $listed) } else { $asked = @() }

  $named = @{}
  foreach ($address in $asked) { $named[(Get-Address-Type $address)] = $true }
  $primaries = @($asked | Where-Object { $_ -clike 'SMTP:*' })
  if ($primaries.Count -gt 1) { throw "EmailAddresses names $($primaries.Count) primary addresses (SMTP: in capitals); exactly one is allowed: $($primaries -join ' ')" }
  if ($primaries.Count -eq 1) {
    $listedPrimary = Get-Address-Text $primaries[0]
    if ($primary -ne '' -and $primary -ne $listedPrimary) {
      throw "PrimarySmtpAddress is $primary, and EmailAddresses names $listedPrimary as the primary address: the order contradicts itself"
    }
    $primary = $listedPrimary
  }

  $held = @(Split-Addresses $current)
  if ($primary -eq '') {
    # The list names no primary: the present one stays it, if it is in the list.
    $present = @($held | Where-Object { $_ -clike 'SMTP:*' })
    if ($present.Count -eq 1) { $primary = Get-Address-Text $present[0] }
    $kept = @($asked | Where-Object { (Get-Address-Type $_) -eq 'SMTP' -and (Get-Address-Text $_) -eq $primary })
    if ($kept.Count -eq 0) { throw 'EmailAddresses names no primary address (SMTP: in capitals), and the present one is not in it' }
  }

  $wanted = @("SMTP:$primary")
  $seen = @{ "SMTP:$($primary.ToLowerInvariant())" = $true }
  $candidates = $asked
  foreach ($address in $held) {
    $type = Get-Address-Type $address
    if (($hasList -and $type -eq 'SMTP') -or $named.ContainsKey($type)) { continue }
    $candidates = @($candidates) + $address
  }
  foreach ($address in @($candidates)) {
    $type = Get-Address-Type $address
    $key = "${type}:$((Get-Address-Text $address).ToLowerInvariant())"
    if ($seen.ContainsKey($key)) { continue }
    $seen[$key] = $true
    # A primary of another type keeps its capitals; of SMTP there is one.
    if ($type -eq 'SMTP') { $wanted += 'smtp:' + (Get-Address-Text $address) } else { $wanted += $address }
  }
  return $wanted
}

# EmailAddresses as a mailbox object has it: texts, or objects whose text it is.
function Get-Held-Addresses {
  param ($mailbox)
  $texts = @()
  foreach ($each in @(Get-Member-Value $mailbox 'EmailAddresses')) { if ($null -ne $each) { $texts += [string]$each } }
  return $texts
}

# The list replaces all addresses, the primary with them; it is never sent beside PrimarySmtpAddress, which Exchange
# refuses. An address policy would change the primary back, so it is switched off in the same command.
function Set-Addresses {
  param ([string]$identity, $order, $mailbox)
  $held = @(Get-Held-Addresses $mailbox)
  $wanted = @(Get-Wanted-Addresses $order $held)
  if ($wanted.Count -eq 0 -or $null -eq $wanted[0]) { return }
  $parameters = @{ Identity = $identity; EmailAddresses = [string[]]$wanted; Confirm = $false }
  $primaryNow = @($held | Where-Object { $_ -clike 'SMTP:*' })
  if ($primaryNow.Count -ne 1 -or $primaryNow[0] -cne $wanted[0]) { $parameters['EmailAddressPolicyEnabled'] = $false }
  $null = Invoke-Exchange 'Set-Mailbox' $parameters
}

# What Set-Mailbox can set of the columns of the export, and what more an order may hold.
$mailboxFlags = @('UseDatabaseRetentionDefaults', 'RetainDeletedItemsUntilBackup', 'DeliverToMailboxAndForward',
  'AntispamBypassEnabled', 'UseDatabaseQuotaDefaults', 'AccountDisabled', 'HiddenFromAddressListsEnabled',
  'EmailAddressPolicyEnabled')
$mailboxTexts = @('ForwardingAddress', 'ForwardingSmtpAddress', 'ProhibitSendQuota', 'ProhibitSendReceiveQuota',
  'IssueWarningQuota', 'RecoverableItemsQuota', 'RecoverableItemsWarningQuota', 'CalendarLoggingQuota',
  'UserPrincipalName', 'Alias', 'DisplayName', 'MaxSendSize', 'MaxReceiveSize', 'Name',
  'CustomAttribute1', 'CustomAttribute2', 'CustomAttribute3', 'CustomAttribute4', 'CustomAttribute5',
  'CustomAttribute6', 'CustomAttribute7', 'CustomAttribute8', 'CustomAttribute9', 'CustomAttribute10',
  'CustomAttribute11', 'CustomAttribute12', 'CustomAttribute13', 'CustomAttribute14', 'CustomAttribute15')
$databaseFlags = @('CircularLoggingEnabled', 'MountAtStartup', 'IsExcludedFromProvisioning',
  'IsExcludedFromInitialProvisioning', 'IsSuspendedFromProvisioning', 'AllowFileRestore', 'BackgroundDatabaseMaintenance',
  'RetainDeletedItemsUntilBackup', 'IndexEnabled')
$databaseTexts = @('Name', 'IssueWarningQuota', 'ProhibitSendQuota', 'ProhibitSendReceiveQuota',
  'RecoverableItemsQuota', 'RecoverableItemsWarningQuota', 'CalendarLoggingQuota', 'DeletedItemRetention',
  'MailboxRetention', 'OfflineAddressBook', 'PublicFolderDatabase', 'JournalRecipient', 'MaintenanceSchedule',
  'QuotaNotificationSchedule', 'DataMoveReplicationConstraint')

# The settings that Changes holds of these names. An empty text takes a value away, where there is one to take.
function Get-Settings {
  param ($changes, [string[]]$flags, [string[]]$texts, [string[]]$except)
  $settings = @{}
  if ($null -eq $changes) { return $settings }
  foreach ($name in $flags) {
    $value = Get-Member-Value $changes $name
    if ($null -ne $value -and "$value" -ne '' -and $except -notcontains $name) { $settings[$name] = (Test-True $value) }
  }
  foreach ($name in $texts) {
    if ($null -eq $changes.PSObject.Properties[$name] -or $except -contains $name) { continue }
    $value = Get-Member-Value $changes $name
    if ($null -eq $value -or "$value" -eq '') { $settings[$name] = $null }
    elseif ("$value" -match '^[^()]+\(([0-9,.\s]+) bytes\)$') { $settings[$name] = [string]($matches[1] -replace '[^0-9]', '') }
    else { $settings[$name] = $value }
  }
  return $settings
}

function Get-Mailbox-Identity {
  param ($order)
  foreach ($name in @('SamAccountName', 'Guid', 'Identity')) {
    $value = [string](Get-Order-Value $order $name)
    if ($value -match '[*\p{Cc}]') { throw "'$value' names no single mailbox: * and control characters are not allowed in $name" }
    if ($value.Trim() -ne '') { return $value.Trim() }
  }
  # An empty identity would mean every mailbox.
  throw 'the order names no mailbox: SamAccountName, Guid and Identity are empty'
}

function Test-Addresses {
  param ($order)
  return "$(Get-Member-Value $order.Changes 'EmailAddresses')$(Get-Member-Value $order.Changes 'PrimarySmtpAddress')" -ne ''
}

function Enable-Account {
  param ($order, [string]$identity)
  # What contradicts itself is refused before anything is done.
  $null = Get-Wanted-Addresses $order @()
  $parameters = @{ Identity = $identity; Confirm = $false }
  $database = Get-Database-Name (Get-Member-Value $order.Changes 'Database')
  if ($database) { $parameters['Database'] = $database }
  $alias = [string](Get-Member-Value $order.Changes 'Alias')
  if ($alias -ne '') { $parameters['Alias'] = $alias }
  $null = Invoke-Exchange 'Enable-Mailbox' $parameters
  Set-Columns $order $identity @('Alias')
  if (Test-Addresses $order) { Set-Addresses $identity $order (Invoke-Exchange 'Get-Mailbox' @{ Identity = $identity }) }
}

function Set-Columns {
  param ($order, [string]$identity, [string[]]$except)
  $settings = Get-Settings $order.Changes $mailboxFlags $mailboxTexts $except
  if ($settings.Count -eq 0) { return }
  $settings['Identity'] = $identity
  $settings['Confirm'] = $false
  # Beside a ForwardingSmtpAddress Exchange asks, whatever Confirm says.
  if ($settings['ForwardingAddress']) { $settings['Force'] = $true }
  $null = Invoke-Exchange 'Set-Mailbox' $settings
}

function Start-Move {
  param ([string]$identity, [string]$database)
  $mailbox = Invoke-Exchange 'Get-Mailbox' @{ Identity = $identity }
  if ([string](Get-Member-Value $mailbox 'Database') -eq $database) {
    Write-Host "$identity is in $database already: no move is asked for"
    return
  }
  # The request of a move that has ended stays, and keeps the mailbox from being moved again.
  $ended = $null
  try { $ended = Invoke-Exchange 'Get-MoveRequest' @{ Identity = $identity } } catch { $ended = $null }
  if ([string](Get-Member-Value $ended 'Status') -like 'Completed*') {
    $null = Invoke-Exchange 'Remove-MoveRequest' @{ Identity = $identity; Confirm = $false }
  }
  $move = @{ Identity = $identity; TargetDatabase = $database; Confirm = $false }
  # Exchange brings the archive along, also one that has a database of its own.
  $archive = [string](Get-Member-Value $mailbox 'ArchiveDatabase')
  if ($archive -ne '' -and $archive -ne [string](Get-Member-Value $mailbox 'Database')) { $move['PrimaryOnly'] = $true }
  $null = Invoke-Exchange 'New-MoveRequest' $move
  Write-Host "the move of $identity to $database is queued"
  while ($waitForMove) {
    $request = Invoke-Exchange 'Get-MoveRequestStatistics' @{ Identity = $identity }
    $status = [string](Get-Member-Value $request 'Status')
    if ($status -eq 'Failed' -or $status -like '*Suspended') {
      throw "the move of $identity to $database has the status ${status}: $(Get-Member-Value $request 'Message')"
    }
    if ($status -like 'Completed*') { return }
    [System.Threading.Thread]::Sleep(1000 * $waitSeconds)
  }
}

function Edit-Mailbox {
  param ($order, [string]$identity)
  $mailbox = $null
  if (Test-Addresses $order) {
    $mailbox = Invoke-Exchange 'Get-Mailbox' @{ Identity = $identity }
    # What contradicts itself is refused before anything is done.
    $null = Get-Wanted-Addresses $order @(Get-Held-Addresses $mailbox)
  }
  Set-Columns $order $identity @()
  if ($null -ne $mailbox) { Set-Addresses $identity $order $mailbox }
  $database = Get-Database-Name (Get-Member-Value $order.Changes 'Database')
  if ($database) { Start-Move $identity $database }
}

function Remove-A-Mailbox {
  param ([string]$identity)
  if ($allowRemoveMailbox) { $null = Invoke-Exchange 'Remove-Mailbox' @{ Identity = $identity; Confirm = $false } }
  else { $null = Invoke-Exchange 'Disable-Mailbox' @{ Identity = $identity; Confirm = $false } }
}

function Get-Database-Identity {
  param ($order)
  # A renamed database is still found by the name that it has.
  foreach ($section in @('Resource', 'Changes')) {
    foreach ($name in @('Name', 'Guid')) {
      $value = [string](Get-Member-Value (Get-Member-Value $order $section) $name)
      if ($value -match '[*\p{Cc}]') { throw "'$value' names no single database: * and control characters are not allowed in $name" }
      if ($value.Trim() -ne '') { return $value.Trim() }
    }
  }
  throw 'the order names no database: Name and Guid are empty'
}

# A new database cannot be mounted before the directory has told the server of it.
function Mount-With-Retries {
  param ([string]$identity)
  for ($attempt = 1; ; $attempt += 1) {
    try {
      $null = Invoke-Exchange 'Mount-Database' @{ Identity = $identity; Confirm = $false }
      return
    }
    catch {
      if ($attempt -ge $mountAttempts) {
        throw "$identity could not be mounted in $attempt attempts: $($_.Exception.Message)"
      }
      Write-Host "$identity is not mounted yet (attempt $attempt): $($_.Exception.Message)"
      [System.Threading.Thread]::Sleep(1000 * $waitSeconds)
    }
  }
}

function Add-Database {
  param ($order)
  $changes = $order.Changes
  $name = [string](Get-Member-Value $changes 'Name')
  $server = [string](Get-Member-Value $changes 'Server')
  if ($name -eq '' -or $server -eq '') { throw 'a new database needs Name and Server' }
  $parameters = @{ Name = $name; Server = $server; Confirm = $false }
  foreach ($path in @('EdbFilePath', 'LogFolderPath')) {
    $value = [string](Get-Member-Value $changes $path)
    if ($value -ne '') { $parameters[$path] = $value }
  }
  $null = Invoke-Exchange 'New-MailboxDatabase' $parameters
  $settings = Get-Settings $changes $databaseFlags $databaseTexts @('Name')
  if ($settings.Count -gt 0) {
    $settings['Identity'] = $name
    $settings['Confirm'] = $false
    $null = Invoke-Exchange 'Set-MailboxDatabase' $settings
  }
  $mounted = Get-Member-Value $changes 'Mounted'
  if ($null -eq $mounted -or "$mounted" -eq '' -or (Test-True $mounted)) { Mount-With-Retries $name }
}

function Edit-Database {
  param ($order, [string]$identity)
  $changes = $order.Changes
  foreach ($path in @('EdbFilePath', 'LogFolderPath', 'Server')) {
    $value = [string](Get-Member-Value $changes $path)
    if ($value -ne '' -and $value -ne [string](Get-Member-Value $order.Resource $path)) {
      throw "$path of a database cannot be modified by an order: that is Move-DatabasePath, or a copy on another server"
    }
  }
  $settings = Get-Settings $changes $databaseFlags $databaseTexts @()
  if ($settings.Count -gt 0) {
    $settings['Identity'] = $identity
    $settings['Confirm'] = $false
    $null = Invoke-Exchange 'Set-MailboxDatabase' $settings
    # From here on the database has its new name.
    if ($settings['Name']) { $identity = $settings['Name'] }
  }
  $mounted = Get-Member-Value $changes 'Mounted'
  if ($null -eq $mounted -or "$mounted" -eq '') { return }
  if (Test-True $mounted) { Mount-With-Retries $identity }
  else { $null = Invoke-Exchange 'Dismount-Database' @{ Identity = $identity; Confirm = $false } }
}

# Whatever still lives in a database keeps it from being removed: Exchange would refuse only after the dismount.
function Find-Inhabitant {
  param ([string]$identity)
  foreach ($kind in @('', 'Arbitration', 'PublicFolder', 'AuditLog', 'Monitoring', 'AuxAuditLog', 'Migration')) {
    $parameters = @{ Database = $identity; ResultSize = 1; WarningAction = 'SilentlyContinue' }
    if ($kind -ne '') {
      # Older servers know fewer kinds.
      if (-not (Get-Command -Name 'Get-Mailbox').Parameters.ContainsKey($kind)) { continue }
      $parameters[$kind] = $true
    }
    foreach ($mailbox in @(Invoke-Exchange 'Get-Mailbox' $parameters)) {
      if ($null -ne $mailbox) { return "the mailbox $(Get-Member-Value $mailbox 'Name')" }
    }
  }
  if (Get-Command -Name 'Get-MailboxPlan' -ErrorAction SilentlyContinue) {
    foreach ($plan in @(Invoke-Exchange 'Get-MailboxPlan' @{})) {
      if ($null -ne $plan -and [string](Get-Member-Value $plan 'Database') -eq $identity) {
        return "the mailbox plan $(Get-Member-Value $plan 'Name')"
      }
    }
  }
  return $null
}

function Remove-Database {
  param ([string]$identity)
  $inhabitant = Find-Inhabitant $identity
  if ($inhabitant) { throw "the database $identity is not removed: $inhabitant lives in it" }
  $null = Invoke-Exchange 'Dismount-Database' @{ Identity = $identity; Confirm = $false }
  try { $null = Invoke-Exchange 'Remove-MailboxDatabase' @{ Identity = $identity; Confirm = $false } }
  catch {
    # Exchange found what a look at its mailboxes did not show (an archive, a plan): those who live there go on.
    $refusal = $_.Exception.Message
    Mount-With-Retries $identity
    throw "the database $identity is not removed, and mounted again: $refusal"
  }
}

# By which an entry of ProtectedMailboxes or ProtectedDatabases may name an object, besides its addresses.
$protectingNames = @('Guid', 'ExchangeGuid', 'SamAccountName', 'UserPrincipalName', 'Name', 'DisplayName', 'Alias',
  'Identity', 'DistinguishedName', 'PrimarySmtpAddress', 'WindowsEmailAddress')

# Throws where an entry, in which * stands for any text, names one of the objects. Entries are parted by line ends.
function Assert-Unprotected {
  param ([string]$setting, [string]$entries, $objects)
  $texts = @()
  foreach ($object in @($objects)) {
    foreach ($name in $protectingNames) { $texts += [string](Get-Member-Value $object $name) }
    foreach ($address in @(Get-Member-Value $object 'EmailAddresses')) {
      if ($null -ne $address) { $texts += ([string]$address) -replace '^[A-Za-z][A-Za-z0-9-]*:', '' }
    }
  }
  foreach ($entry in $entries.Split([char]10)) {
    if ($entry.Trim() -eq '') { continue }
    # A GUID may have braces, an address its prefix, an account its domain, whichever that is.
    $spellings = @($entry.Trim())
    foreach ($form in @('^\{(.*)\}$', '^smtp:(.*)$', '^[^\\/@]+\\([^\\/]+)$')) {
      if ($entry.Trim() -match $form) { $spellings += $matches[1].Trim() }
    }
    foreach ($spelling in $spellings) {
      $pattern = '\A' + [regex]::Escape($spelling).Replace('\*', '.*') + '\z'
      foreach ($text in $texts) {
        if ($text -ne '' -and [regex]::IsMatch($text, $pattern, 'IgnoreCase, Singleline, CultureInvariant')) {
          throw "not-allowed: it is protected: $setting has '$entry'"
        }
      }
    }
  }
}

# The object itself is looked at: an order may name it by what no entry says.
function Assert-Mailbox-Unprotected {
  param ([string]$changeType, [string]$identity)
  if ($protectedMailboxes -eq '') { return }
  $cmdlet = 'Get-Mailbox'
  if ($changeType -ceq 'Added') { $cmdlet = 'Get-User' }
  Assert-Unprotected 'ProtectedMailboxes' $protectedMailboxes (Invoke-Exchange $cmdlet @{ Identity = $identity })
}

function Assert-Database-Unprotected {
  param ($order)
  if ($protectedDatabases -eq '') { return }
  # None may get the name of one that is protected, either.
  $found = @(Get-Member-Value $order 'Changes')
  if ($order.ChangeType -cne 'Added') { $found += Invoke-Exchange 'Get-MailboxDatabase' @{ Identity = (Get-Database-Identity $order) } }
  Assert-Unprotected 'ProtectedDatabases' $protectedDatabases $found
}

function Fulfill-Exchange {
  param ([parameter(Mandatory = $true)] $order)

  $changeType = $order.ChangeType
  if ($changeType -cne 'Added' -and $changeType -cne 'Modified' -and $changeType -cne 'Deleted') {
    throw "the ChangeType is '$changeType'; Added, Modified and Deleted are known"
  }
  $target = [string](Get-Member-Value (Get-Member-Value $order.ResourceType 'TargetEntityType') 'Identifier')
  if ($target -eq 'MicrosoftExchange_Database') {
    Assert-Database-Unprotected $order
    if ($changeType -eq 'Added') { Add-Database $order; return }
    $identity = Get-Database-Identity $order
    if ($changeType -eq 'Modified') { Edit-Database $order $identity } else { Remove-Database $identity }
  }
  elseif ($target -eq 'MicrosoftExchange_Mailbox') {
    $identity = Get-Mailbox-Identity $order
    Assert-Mailbox-Unprotected $changeType $identity
    if ($changeType -eq 'Added') { Enable-Account $order $identity }
    elseif ($changeType -eq 'Modified') { Edit-Mailbox $order $identity }
    else { Remove-A-Mailbox $identity }
  }
  else { throw "the target entity type is '$target'; MicrosoftExchange_Mailbox and MicrosoftExchange_Database are known" }
}

# Opens the session on the first server that answers.
function Open-Session {
  param ($options)
  $servers = @(Get-Member-Value $options 'Server' | Where-Object { $_ })
  if ($servers.Count -eq 0) { throw 'Options has no Server: http://<ServerFQDN>/PowerShell/' }
  $parameters = @{ ConfigurationName = 'Microsoft.Exchange'; Authentication = 'Kerberos' }
  if ([string](Get-Member-Value $options 'AuthType') -eq 'Basic') { $parameters['Authentication'] = 'Basic' }
  $login = [string](Get-Member-Value $options 'Login')
  $password = [string](Get-Member-Value $options 'Password')
  if ($login -ne '' -and $password -ne '') {
    $secure = [System.Security.SecureString]::new()
    foreach ($character in $password.ToCharArray()) { $secure.AppendChar($character) }
    $parameters['Credential'] = [System.Management.Automation.PSCredential]::new($login, $secure)
  }
  elseif ($parameters['Authentication'] -eq 'Basic') { throw 'AuthType Basic needs Login and Password in Options' }
  $failures = @()
  foreach ($server in $servers) {
    try { return New-PSSession @parameters -ConnectionUri $server -ErrorAction Stop }
    catch { $failures += "${server}: $($_.Exception.Message)" }
  }
  throw "no session could be opened; $($failures -join '; ')"
}

$line = [System.Console]::ReadLine()
$options = ConvertFrom-Json $line
$line = $null
# What the connection says, the connector names in the environment; Options may say it, too.
$allowRemoveMailbox = (Test-True $env:EXCHANGE_CONNECTOR_ALLOW_REMOVE_MAILBOX) -or (Test-True (Get-Member-Value $options 'AllowRemoveMailbox'))
$waitForMove = (Test-True $env:EXCHANGE_CONNECTOR_WAIT_FOR_MOVE) -or (Test-True (Get-Member-Value $options 'WaitForMove'))
$domainController = [string](Get-Member-Value $options 'DomainController')
if ($domainController -eq '') { $domainController = [string]$env:EXCHANGE_CONNECTOR_DOMAIN_CONTROLLER }
$protectedMailboxes = [string]$env:EXCHANGE_CONNECTOR_PROTECTED_MAILBOXES
$protectedDatabases = [string]$env:EXCHANGE_CONNECTOR_PROTECTED_DATABASES
$mountAttempts = 10
if (Get-Member-Value $options 'MountAttempts') { $mountAttempts = [int](Get-Member-Value $options 'MountAttempts') }
$waitSeconds = 6.0
if ($null -ne (Get-Member-Value $options 'MountWaitSeconds')) { $waitSeconds = [double](Get-Member-Value $options 'MountWaitSeconds') }

$session = Open-Session $options
$options = $null
try {
  $null = Import-PSSession $session -DisableNameChecking -AllowClobber -ErrorAction Stop
  # Without it a session sees its own domain only.
  if (Get-Command -Name 'Set-ADServerSettings' -ErrorAction SilentlyContinue) {
    Set-ADServerSettings -ViewEntireForest $true
  }
  Usercube-Visit-Orders $resultsFilePath $ordersPath Fulfill-Exchange
}
finally {
  Remove-PSSession $session
}
