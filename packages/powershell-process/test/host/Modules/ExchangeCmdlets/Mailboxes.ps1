# Recipients and move requests. Dot-sourced by ExchangeCmdlets.psm1.

function Set-ADServerSettings {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([bool] $ViewEntireForest, [string] $PreferredGlobalCatalog, [string[]] $SetPreferredDomainControllers, [string] $PreferredServer, [string] $RecipientViewRoot)
    Write-ExchangeCall 'Set-ADServerSettings' $PSBoundParameters
    Invoke-WantedFailure $PSCmdlet 'Set-ADServerSettings' ''
}

function Get-ExchangeServer {
    [CmdletBinding()]
    param([Parameter(Position = 0)] $Identity, [string] $DomainController)
    Write-ExchangeCall 'Get-ExchangeServer' $PSBoundParameters
    foreach ($name in ((Read-Organisation).databases | ForEach-Object { "$($_.Server)" } | Sort-Object -Unique)) {
        if (-not $Identity -or $name -eq "$Identity") { Format-ExchangeObject ([pscustomobject] @{ Name = $name; Identity = $name }) 'Management.ExchangeServer' }
    }
}

function Get-Mailbox {
    [CmdletBinding()]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true)] $Identity, $ResultSize, [string] $Filter, $Database, $Server, $OrganizationalUnit,
        [string[]] $RecipientTypeDetails, [switch] $Arbitration, [switch] $PublicFolder, [switch] $AuditLog, [switch] $Monitoring,
        [switch] $Archive, [switch] $IgnoreDefaultScope, [string] $SortBy, [string] $DomainController, [string] $Anr
    )
    process {
        Write-ExchangeCall 'Get-Mailbox' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-Mailbox' $Identity
        $mailboxes = (Read-Organisation).mailboxes
        if ($Identity) { $mailboxes = @(Get-ByIdentity $PSCmdlet $mailboxes $Identity) }
        foreach ($mailbox in $mailboxes) {
            $kind = if ($mailbox.PSObject.Properties['Kind']) { $mailbox.Kind } else { '' }
            $asked = if ($Arbitration) { 'Arbitration' } elseif ($PublicFolder) { 'PublicFolder' } elseif ($AuditLog) { 'AuditLog' } elseif ($Monitoring) { 'Monitoring' } else { '' }
            if ($kind -ne $asked) { continue }
            if ($Database -and "$($mailbox.Database)" -ne "$Database") { continue }
            if ($Server -and "$($mailbox.ServerName)" -ne "$Server") { continue }
            if ($RecipientTypeDetails -and $RecipientTypeDetails -notcontains $mailbox.RecipientTypeDetails) { continue }
            if ($Filter -and -not (Test-OPathFilter $mailbox $Filter)) { continue }
            Format-ExchangeObject $mailbox 'Management.Mailbox'
        }
    }
}

# A user is of the type UserMailbox once it has a mailbox.
function Get-Accounts($Organisation) {
    $known = @($Organisation.mailboxes | ForEach-Object { "$($_.SamAccountName)" })
    $Organisation.mailboxes | ForEach-Object { Set-Value $_ 'RecipientType' 'UserMailbox'; $_ }
    $Organisation.users | Where-Object { $known -notcontains $_.SamAccountName } | ForEach-Object { Set-Value $_ 'RecipientType' 'User'; $_ }
}

function Get-User {
    [CmdletBinding()]
    param([Parameter(Position = 0, ValueFromPipeline = $true)] $Identity, $ResultSize, [string] $Filter, [string[]] $RecipientTypeDetails, [string] $DomainController, [switch] $IgnoreDefaultScope)
    process {
        Write-ExchangeCall 'Get-User' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-User' $Identity
        $accounts = @(Get-Accounts (Read-Organisation))
        if ($Identity) { $accounts = @(Get-ByIdentity $PSCmdlet $accounts $Identity) }
        foreach ($account in $accounts) {
            if (-not $Filter -or (Test-OPathFilter $account $Filter)) { Format-ExchangeObject $account 'Management.User' }
        }
    }
}

function Get-Recipient {
    [CmdletBinding()]
    param([Parameter(Position = 0, ValueFromPipeline = $true)] $Identity, $ResultSize, [string] $Filter, [string[]] $RecipientType, [string[]] $RecipientTypeDetails, [string] $DomainController)
    process {
        Write-ExchangeCall 'Get-Recipient' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-Recipient' $Identity
        $recipients = (Read-Organisation).mailboxes
        if ($Identity) { $recipients = @(Get-ByIdentity $PSCmdlet $recipients $Identity) }
        foreach ($recipient in $recipients) {
            if (-not $Filter -or (Test-OPathFilter $recipient $Filter)) { Format-ExchangeObject $recipient 'Management.ReducedRecipient' }
        }
    }
}

function Enable-Mailbox {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, $Database, [string] $Alias, [string] $PrimarySmtpAddress,
        [string] $DisplayName, [string] $DomainController, [switch] $Shared, [switch] $Room, [switch] $Equipment, [switch] $Archive, [switch] $Force
    )
    process {
        Write-ExchangeCall 'Enable-Mailbox' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Enable-Mailbox' $Identity
        $organisation = Read-Organisation
        $user = Get-ByIdentity $PSCmdlet (Get-Accounts $organisation) $Identity
        if ($user.RecipientType -eq 'UserMailbox') {
            Stop-ExchangeTask $PSCmdlet ([RecipientTaskException]::new("This task does not support recipients of this type. The specified recipient $($user.Identity) is of type UserMailbox. Please make sure that this recipient matches the required recipient type for this task.")) $Identity
        }
        $home_ = if ($Database) { Get-ByIdentity $PSCmdlet $organisation.databases $Database } else { $organisation.databases[0] }
        $mailbox = [pscustomobject] @{}
        foreach ($property in $user.PSObject.Properties) { Set-Value $mailbox $property.Name $property.Value }
        $name = if ($Alias) { $Alias } else { "$($user.SamAccountName)" }
        Set-Value $mailbox 'Guid' $(if ($user.PSObject.Properties['Guid']) { "$($user.Guid)" } else { [guid]::NewGuid().ToString() })
        Set-Value $mailbox 'Alias' $name
        Set-Value $mailbox 'Database' $home_.Name
        Set-Value $mailbox 'RecipientType' 'UserMailbox'
        Set-Value $mailbox 'RecipientTypeDetails' $(if ($Shared) { 'SharedMailbox' } elseif ($Room) { 'RoomMailbox' } elseif ($Equipment) { 'EquipmentMailbox' } else { 'UserMailbox' })
        Set-Value $mailbox 'EmailAddressPolicyEnabled' (-not $PrimarySmtpAddress)
        if (-not $mailbox.PSObject.Properties['Identity']) { Set-Value $mailbox 'Identity' "contoso.com/Users/$($user.SamAccountName)" }
        Set-Value $mailbox 'EmailAddresses' @()
        if ($DisplayName) { Set-Value $mailbox 'DisplayName' $DisplayName }
        Set-Addresses $PSCmdlet $organisation $mailbox @('SMTP:' + $(if ($PrimarySmtpAddress) { $PrimarySmtpAddress } else { "$name@contoso.com" }))
        $null = $organisation.mailboxes.Add($mailbox)
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Enable-Mailbox' $Identity -After
        Format-ExchangeObject $mailbox 'Management.Mailbox'
    }
}

function Set-Mailbox {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, $EmailAddresses, [string] $PrimarySmtpAddress, [bool] $EmailAddressPolicyEnabled,
        [string] $Alias, [string] $DisplayName, [string] $Name, [string] $SamAccountName, [string] $UserPrincipalName, [string] $Type, [string] $DomainController,
        [bool] $UseDatabaseRetentionDefaults, [bool] $RetainDeletedItemsUntilBackup, [bool] $DeliverToMailboxAndForward, $ForwardingAddress, $ForwardingSmtpAddress,
        $ProhibitSendQuota, $ProhibitSendReceiveQuota, $IssueWarningQuota, $RecoverableItemsQuota, $RecoverableItemsWarningQuota, $CalendarLoggingQuota,
        [bool] $AntispamBypassEnabled, $UseDatabaseQuotaDefaults, $MaxSendSize, $MaxReceiveSize, [bool] $HiddenFromAddressListsEnabled, [bool] $AccountDisabled,
        [string] $CustomAttribute1, [string] $CustomAttribute2, [string] $CustomAttribute3, $RetainDeletedItemsFor, [switch] $Force
    )
    process {
        Write-ExchangeCall 'Set-Mailbox' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Set-Mailbox' $Identity
        $organisation = Read-Organisation
        $mailbox = Get-ByIdentity $PSCmdlet $organisation.mailboxes $Identity
        $changesAddress = $PSBoundParameters.ContainsKey('PrimarySmtpAddress')
        if ($changesAddress -and $PSBoundParameters.ContainsKey('EmailAddresses')) {
            Stop-ExchangeTask $PSCmdlet ([RecipientTaskException]::new("You can't use the EmailAddresses and PrimarySmtpAddress parameters in the same command.")) $Identity
        }
        Copy-Parameters $PSBoundParameters $mailbox
        if ($changesAddress) {
            $old = @($mailbox.EmailAddresses | Where-Object { $_ -ne "smtp:$PrimarySmtpAddress" } | ForEach-Object { if ($_ -clike 'SMTP:*') { 'smtp:' + $_.Substring(5) } else { $_ } })
            $wanted = @("SMTP:$PrimarySmtpAddress") + $old
        } elseif ($PSBoundParameters.ContainsKey('EmailAddresses')) { $wanted = $EmailAddresses } else { $wanted = $null }
        if ($null -ne $wanted) {
            $before = "$($mailbox.PrimarySmtpAddress)"
            Set-Addresses $PSCmdlet $organisation $mailbox $wanted
            $policy = $mailbox.PSObject.Properties['EmailAddressPolicyEnabled']
            if ($policy -and $policy.Value -and $before -ne $mailbox.PrimarySmtpAddress) {
                Stop-ExchangeTask $PSCmdlet ([RecipientTaskException]::new("Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy. To disable email address policy for this mailbox, run the command with the EmailAddressPolicyEnabled parameter set to `$false.")) $Identity
            }
        }
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Set-Mailbox' $Identity -After
    }
}

function Disable-Mailbox {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [switch] $Archive, [switch] $IgnoreLegalHold, [string] $DomainController)
    process {
        Write-ExchangeCall 'Disable-Mailbox' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Disable-Mailbox' $Identity
        Confirm-Change $PSCmdlet $PSBoundParameters $Identity
        $organisation = Read-Organisation
        $mailbox = Get-ByIdentity $PSCmdlet $organisation.mailboxes $Identity
        $organisation.mailboxes.Remove($mailbox)
        if ($null -eq (Find-ByIdentity $organisation.users $mailbox.SamAccountName)) {
            $null = $organisation.users.Add([pscustomobject] @{ SamAccountName = $mailbox.SamAccountName; Identity = $mailbox.Identity; Guid = $mailbox.Guid })
        }
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Disable-Mailbox' $Identity -After
    }
}

# Takes the account away with the mailbox.
function Remove-Mailbox {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [bool] $Permanent, [switch] $KeepWindowsLiveID, [switch] $Force, [string] $DomainController)
    process {
        Write-ExchangeCall 'Remove-Mailbox' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Remove-Mailbox' $Identity
        Confirm-Change $PSCmdlet $PSBoundParameters $Identity
        $organisation = Read-Organisation
        $mailbox = Get-ByIdentity $PSCmdlet $organisation.mailboxes $Identity
        $organisation.mailboxes.Remove($mailbox)
        $user = Find-ByIdentity $organisation.users $mailbox.SamAccountName
        if ($null -ne $user) { $organisation.users.Remove($user) }
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Remove-Mailbox' $Identity -After
    }
}

function New-MoveRequest {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, $TargetDatabase, $BadItemLimit, [string] $BatchName,
        [switch] $AcceptLargeDataLoss, [string] $Priority, [switch] $SuspendWhenReadyToComplete, [switch] $PrimaryOnly, [string] $DomainController
    )
    process {
        Write-ExchangeCall 'New-MoveRequest' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'New-MoveRequest' $Identity
        $organisation = Read-Organisation
        $mailbox = Get-ByIdentity $PSCmdlet $organisation.mailboxes $Identity
        $target = Get-ByIdentity $PSCmdlet $organisation.databases $TargetDatabase
        if ("$($mailbox.Database)" -eq $target.Name) { Stop-ExchangeTask $PSCmdlet ([RecipientTaskException]::new("Mailbox '$($mailbox.Identity)' is already in the target database '$($target.Name)'.")) $Identity }
        if ($null -ne (Find-ByIdentity $organisation.moveRequests $mailbox.Guid)) { Stop-ExchangeTask $PSCmdlet ([RecipientTaskException]::new("A move request for the mailbox '$($mailbox.Identity)' already exists.")) $Identity }
        $statuses = if ($organisation.PSObject.Properties['moveStatuses']) { @($organisation.moveStatuses) } else { @('Queued', 'InProgress', 'Completed') }
        $request = [pscustomobject] @{ Identity = $mailbox.Identity; Guid = $mailbox.Guid; SamAccountName = $mailbox.SamAccountName; Alias = $mailbox.Alias; DisplayName = "$($mailbox.DisplayName)"; TargetDatabase = $target.Name; Status = $statuses[0]; Statuses = $statuses }
        $null = $organisation.moveRequests.Add($request)
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'New-MoveRequest' $Identity -After
        Format-ExchangeObject $request 'Management.TransactionalRequestJob'
    }
}

function Get-MoveRequest {
    [CmdletBinding()]
    param([Parameter(Position = 0, ValueFromPipeline = $true)] $Identity, [string] $MoveStatus, $TargetDatabase, $ResultSize, [string] $DomainController)
    process {
        Write-ExchangeCall 'Get-MoveRequest' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-MoveRequest' $Identity
        $requests = (Read-Organisation).moveRequests
        if ($Identity) { $requests = @(Get-ByIdentity $PSCmdlet $requests $Identity) }
        foreach ($request in $requests) {
            if ($TargetDatabase -and $request.TargetDatabase -ne "$TargetDatabase") { continue }
            if (-not $MoveStatus -or $request.Status -eq $MoveStatus) { Format-ExchangeObject $request 'Management.MoveRequest' }
        }
    }
}

# Each look takes the move one status further.
function Get-MoveRequestStatistics {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [switch] $IncludeReport, [string] $DomainController)
    process {
        Write-ExchangeCall 'Get-MoveRequestStatistics' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-MoveRequestStatistics' $Identity
        $organisation = Read-Organisation
        $request = Get-ByIdentity $PSCmdlet $organisation.moveRequests $Identity
        $statuses = @($request.Statuses)
        Set-Value $request 'Status' $statuses[0]
        if ($statuses.Count -gt 1) { Set-Value $request 'Statuses' @($statuses[1..($statuses.Count - 1)]) }
        if ($request.Status -eq 'Completed') { Set-Value (Find-ByIdentity $organisation.mailboxes $request.Guid) 'Database' $request.TargetDatabase }
        Save-Organisation $organisation
        Set-Value $request 'PercentComplete' $(if ($request.Status -eq 'Completed') { 100 } else { 50 })
        Set-Value $request 'Message' $(if ($request.Status -eq 'Failed') { 'Error: the move failed.' } else { '' })
        Format-ExchangeObject $request 'Management.MoveRequestStatistics'
    }
}

function Remove-MoveRequest {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [switch] $Force, [string] $DomainController)
    process {
        Write-ExchangeCall 'Remove-MoveRequest' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Remove-MoveRequest' $Identity
        Confirm-Change $PSCmdlet $PSBoundParameters $Identity
        $organisation = Read-Organisation
        $organisation.moveRequests.Remove((Get-ByIdentity $PSCmdlet $organisation.moveRequests $Identity))
        Save-Organisation $organisation
    }
}
