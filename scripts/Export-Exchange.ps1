<#
.SYNOPSIS
    Reads the mailbox databases and mailboxes of an Exchange organisation and gives them to the connector.

.DESCRIPTION
    The connector runs this script when PowerShellScriptPath (or ExportScriptPath) of a connection names it.
    It opens a remote session to an Exchange server, brings the whole forest into view, and puts out

      one object   with ExportFile = 'session':   Server, ForestView
      one object   with ExportFile = 'databases': for each mailbox database, the asked properties
      one object   with ExportFile = 'mailboxes': for each mailbox, the asked properties

    The connector turns the objects into rows and writes the files. Nothing is written here.
    It runs in Windows PowerShell 5.1 and in PowerShell 7, and needs no Exchange management tools.

.NOTES
    The contract of export scripts, and every parameter, is described in docs/scripts.md.
#>
[CmdletBinding()]
param(
    # Addresses of the PowerShell virtual directory; the first one that answers is taken.
    [Parameter(Mandatory = $true)]
    [string[]] $Server,

    [ValidateSet('Kerberos', 'Basic')]
    [string] $AuthType = 'Kerberos',

    # Without it the running account is used, which only Kerberos can.
    [System.Management.Automation.PSCredential] $Credential,

    # The properties that the rows are made of. One that an object does not have is left out.
    [Parameter(Mandatory = $true)]
    [string[]] $MailboxProperties,

    [Parameter(Mandatory = $true)]
    [string[]] $DatabaseProperties,

    [string[]] $OrganizationalUnits = @(),
    [string[]] $Databases = @(),
    [string[]] $RecipientTypeDetails = @(),
    [string] $Filter,
    [switch] $IncludeArbitration,
    [switch] $IncludePublicFolder,
    [switch] $IncludeAuditLog,
    [switch] $IncludeMonitoring,

    # Servers to read from.
    [string] $DomainController,
    [string] $GlobalCatalog
)

$script:commandNames = @('Set-ADServerSettings', 'Get-MailboxDatabase', 'Get-Mailbox')

# Opens a session on the first address that answers; a refused account is not tried on the others.
function Open-ExchangeSession {
    $failures = @()
    foreach ($address in $Server) {
        $options = @{
            ConfigurationName = 'Microsoft.Exchange'
            ConnectionUri     = $address
            Authentication    = $AuthType
            AllowRedirection  = $true
            ErrorAction       = 'Stop'
        }
        if ($null -ne $Credential) { $options['Credential'] = $Credential }
        try {
            $session = New-PSSession @options
            foreach ($failure in $failures) { $PSCmdlet.WriteWarning($failure + "; $address was taken instead") }
            return @{ Session = $session; Address = $address }
        } catch {
            $failures += "$address could not be used (" + $_.Exception.Message + ')'
            # An account that is refused everywhere would be locked.
            if ($_.FullyQualifiedErrorId -match 'AccessDenied|LogonFailure') { break }
        }
    }
    $reason = 'opening a session to Exchange: ' + ($failures -join '; ')
    throw [System.Management.Automation.ErrorRecord]::new(
        [System.InvalidOperationException]::new($reason), 'ExchangeSessionNotOpened', 'OpenError', $Server)
}

# The command as the account's roles have it, or nothing where it has none.
function Find-ExchangeCommand([string] $Name) {
    Get-Command -Name $Name -ErrorAction SilentlyContinue
}

# Whether an error says that the account's role leaves out a parameter.
function Test-ParameterMissing($Record) { $Record.FullyQualifiedErrorId -match 'NamedParameterNotFound' }

# Brings the whole forest into view. Tells whether that worked: a session sees its own domain only until then.
function Open-ForestView {
    $pins = @{}
    if ($GlobalCatalog) { $pins['PreferredGlobalCatalog'] = $GlobalCatalog }
    if ($DomainController) { $pins['SetPreferredDomainControllers'] = @($DomainController) }
    if ($null -ne (Find-ExchangeCommand 'Set-ADServerSettings')) {
        try {
            $null = Set-ADServerSettings -ViewEntireForest $true @pins -ErrorAction Stop
            return $true
        } catch {
            if (-not (Test-ParameterMissing $_)) { throw }
        }
        if ($pins.Count -gt 0) {
            try {
                $null = Set-ADServerSettings -ViewEntireForest $true -ErrorAction Stop
                $PSCmdlet.WriteWarning('the account may not pin domain controllers (Set-ADServerSettings lacks the parameter in its role): the server chooses which ones are read, and two exports of the same state may differ in order of replication')
                return $true
            } catch {
                if (-not (Test-ParameterMissing $_)) { throw }
            }
        }
    }
    $which = ''
    if ($DomainController) { $which = ", the one of $DomainController" }
    $PSCmdlet.WriteWarning('the account may not use Set-ADServerSettings -ViewEntireForest: only one domain is in view' + $which + ', and mailboxes of other domains of the forest are not in this export; give the account a role with that cmdlet, e.g. "View-Only Configuration"')
    return $false
}

# The asked properties of an object, as they are; the connector makes texts of them.
function ConvertTo-ExportRow($Item, [string] $File, [string[]] $Properties) {
    $row = [ordered] @{ ExportFile = $File }
    foreach ($name in $Properties) {
        $property = $Item.PSObject.Properties[$name]
        if ($null -ne $property) { $row[$name] = $property.Value }
    }
    [pscustomobject] $row
}

# Where the view is one domain, every cmdlet is told the domain controller instead.
function Add-DomainController([System.Collections.IDictionary] $Options, [bool] $ForestView) {
    if ($DomainController -and -not $ForestView) { $Options['DomainController'] = $DomainController }
}

# Runs a command of the session. What fails there as a whole arrives here as an error beside no object: nothing
# read is no empty organisation, so that ends the script. Errors beside objects are told, and the rest is read.
function Read-FromExchange([string] $Name, [System.Collections.IDictionary] $Options, [string] $File, [string[]] $Properties) {
    if ($null -eq (Find-ExchangeCommand $Name)) {
        throw "reading the $File`: the account may not use $Name on this server; give it a role that holds the cmdlet, e.g. membership of the role group ""View-Only Organization Management"""
    }
    $counter = @{ Objects = 0 }
    $before = $null
    if ($Error.Count -gt 0) { $before = $Error[0] }
    & $Name @Options | ForEach-Object {
        $counter['Objects']++
        ConvertTo-ExportRow $_ $File $Properties
    }
    if ($counter['Objects'] -eq 0 -and $Error.Count -gt 0 -and -not [object]::ReferenceEquals($Error[0], $before)) { throw $Error[0] }
    $state = $opened.Session.State
    if ($null -ne $state -and "$state" -ne 'Opened') {
        throw "reading the $File`: the session to Exchange was lost (it is $state) after " + $counter['Objects'] + ' objects'
    }
}

function Read-Databases([bool] $ForestView) {
    $options = @{}
    Add-DomainController $options $ForestView
    try {
        Read-FromExchange 'Get-MailboxDatabase' ($options + @{ Status = $true }) 'databases' $DatabaseProperties
    } catch {
        if (-not (Test-ParameterMissing $_)) { throw }
        $PSCmdlet.WriteWarning('the account may not use Get-MailboxDatabase -Status: the column Mounted is empty; give it a role that holds the cmdlet with that parameter')
        Read-FromExchange 'Get-MailboxDatabase' $options 'databases' $DatabaseProperties
    }
}

# One set of parameters for each Get-Mailbox: units times databases, and the same again for each hidden kind.
function Get-MailboxSelections {
    $kinds = @('')
    if ($IncludeArbitration) { $kinds += 'Arbitration' }
    if ($IncludePublicFolder) { $kinds += 'PublicFolder' }
    if ($IncludeAuditLog) { $kinds += 'AuditLog' }
    if ($IncludeMonitoring) { $kinds += 'Monitoring' }
    $units = @($OrganizationalUnits)
    if ($units.Count -eq 0) { $units = @('') }
    $homes = @($Databases)
    if ($homes.Count -eq 0) { $homes = @('') }
    foreach ($kind in $kinds) {
        foreach ($unit in $units) {
            foreach ($database in $homes) {
                $selection = @{ ResultSize = 'Unlimited' }
                if ($kind) { $selection[$kind] = $true }
                if ($unit) { $selection['OrganizationalUnit'] = $unit }
                if ($database) { $selection['Database'] = $database }
                # No type names an arbitration or audit-log mailbox, so types narrow only the usual ones.
                if (-not $kind -and $RecipientTypeDetails.Count -gt 0) { $selection['RecipientTypeDetails'] = $RecipientTypeDetails }
                if ($Filter) { $selection['Filter'] = $Filter }
                $selection
            }
        }
    }
}

function Read-Mailboxes([bool] $ForestView) {
    foreach ($selection in @(Get-MailboxSelections)) {
        Add-DomainController $selection $ForestView
        Read-FromExchange 'Get-Mailbox' $selection 'mailboxes' $MailboxProperties
    }
}

$opened = Open-ExchangeSession
try {
    # A command that the account's roles leave out is no error yet: what cannot be done without it says so.
    $null = Import-PSSession -Session $opened.Session -CommandName $script:commandNames -AllowClobber -DisableNameChecking -ErrorAction SilentlyContinue
    $forestView = Open-ForestView
    [pscustomobject] @{ ExportFile = 'session'; Server = $opened.Address; ForestView = $forestView }
    Read-Databases $forestView
    Read-Mailboxes $forestView
} finally {
    # The rows are what counts; a session that cannot be closed ends with this process.
    try { Remove-PSSession -Session $opened.Session } catch { $PSCmdlet.WriteVerbose($_.Exception.Message) }
}
