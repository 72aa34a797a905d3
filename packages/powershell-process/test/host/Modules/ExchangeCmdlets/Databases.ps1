# Mailbox databases. Dot-sourced by ExchangeCmdlets.psm1.

function Get-MailboxDatabase {
    [CmdletBinding()]
    param([Parameter(Position = 0, ValueFromPipeline = $true)] $Identity, $Server, [switch] $Status, [switch] $IncludePreExchange2013, [string] $DomainController)
    process {
        Write-ExchangeCall 'Get-MailboxDatabase' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Get-MailboxDatabase' $Identity
        $databases = (Read-Organisation).databases
        if ($Identity) { $databases = @(Get-ByIdentity $PSCmdlet $databases $Identity) }
        foreach ($database in $databases) {
            if ($Server -and "$($database.Server)" -ne "$Server") { continue }
            if (-not $Status) { Set-Value $database 'Mounted' $null }
            Format-ExchangeObject $database 'SystemConfiguration.MailboxDatabase'
        }
    }
}

function New-MailboxDatabase {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0)] [string] $Name, [Parameter(Mandatory = $true)] $Server, $EdbFilePath, $LogFolderPath, [bool] $IsExcludedFromProvisioning, [string] $DomainController)
    Write-ExchangeCall 'New-MailboxDatabase' $PSBoundParameters
    Invoke-WantedFailure $PSCmdlet 'New-MailboxDatabase' $Name
    $organisation = Read-Organisation
    if ($null -ne (Find-ByIdentity $organisation.databases $Name)) {
        Stop-ExchangeTask $PSCmdlet ([InvalidOperationInThisContextException]::new("The database `"$Name`" already exists. Please choose a different name for the database.")) $Name
    }
    $database = [pscustomobject] @{ Guid = [guid]::NewGuid().ToString(); Identity = $Name; Mounted = $false }
    Copy-Parameters $PSBoundParameters $database
    $null = $organisation.databases.Add($database)
    Save-Organisation $organisation
    Invoke-WantedFailure $PSCmdlet 'New-MailboxDatabase' $Name -After
    Format-ExchangeObject $database 'SystemConfiguration.MailboxDatabase'
}

function Set-MailboxDatabase {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [string] $Name, $IssueWarningQuota, $ProhibitSendQuota, $ProhibitSendReceiveQuota,
        $RecoverableItemsQuota, $RecoverableItemsWarningQuota, $CalendarLoggingQuota, $DeletedItemRetention, $MailboxRetention, [bool] $CircularLoggingEnabled,
        [bool] $RetainDeletedItemsUntilBackup, [bool] $MountAtStartup, [bool] $AllowFileRestore, [bool] $IsExcludedFromProvisioning, [bool] $BackgroundDatabaseMaintenance, $OfflineAddressBook, $JournalRecipient, [string] $DomainController
    )
    process {
        Write-ExchangeCall 'Set-MailboxDatabase' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Set-MailboxDatabase' $Identity
        $organisation = Read-Organisation
        $database = Get-ByIdentity $PSCmdlet $organisation.databases $Identity
        $before = $database.Name
        Copy-Parameters $PSBoundParameters $database
        if ($Name) {
            Set-Value $database 'Identity' $Name
            foreach ($mailbox in $organisation.mailboxes) { if ("$($mailbox.Database)" -eq $before) { Set-Value $mailbox 'Database' $Name } }
        }
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Set-MailboxDatabase' $Identity -After
    }
}

function Mount-Database {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [switch] $AcceptDataLoss, [switch] $Force, [string] $DomainController)
    process {
        Write-ExchangeCall 'Mount-Database' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Mount-Database' $Identity
        $organisation = Read-Organisation
        $database = Get-ByIdentity $PSCmdlet $organisation.databases $Identity
        if ($database.Mounted) { Stop-ExchangeTask $PSCmdlet ([InvalidOperationInThisContextException]::new("Couldn't mount the database that you specified. Specified database: $($database.Name); Error code: the database is already mounted.")) $Identity }
        Set-Value $database 'Mounted' $true
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Mount-Database' $Identity -After
    }
}

function Dismount-Database {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [string] $DomainController)
    process {
        Write-ExchangeCall 'Dismount-Database' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Dismount-Database' $Identity
        Confirm-Change $PSCmdlet $PSBoundParameters $Identity
        $organisation = Read-Organisation
        Set-Value (Get-ByIdentity $PSCmdlet $organisation.databases $Identity) 'Mounted' $false
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Dismount-Database' $Identity -After
    }
}

function Remove-MailboxDatabase {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true)] $Identity, [string] $DomainController)
    process {
        Write-ExchangeCall 'Remove-MailboxDatabase' $PSBoundParameters
        Invoke-WantedFailure $PSCmdlet 'Remove-MailboxDatabase' $Identity
        Confirm-Change $PSCmdlet $PSBoundParameters $Identity
        $organisation = Read-Organisation
        $database = Get-ByIdentity $PSCmdlet $organisation.databases $Identity
        if (@($organisation.mailboxes | Where-Object { "$($_.Database)" -eq $database.Name }).Count -gt 0) {
            Stop-ExchangeTask $PSCmdlet ([AssociatedMailboxFoundException]::new("This mailbox database contains one or more mailboxes, mailbox plans, archive mailboxes, public folder mailboxes or arbitration mailboxes, Audit mailboxes. To get a list of all mailboxes in this database, run the command Get-Mailbox -Database <Database ID>.")) $Identity
        }
        $organisation.databases.Remove($database)
        Save-Organisation $organisation
        Invoke-WantedFailure $PSCmdlet 'Remove-MailboxDatabase' $Identity -After
    }
}
