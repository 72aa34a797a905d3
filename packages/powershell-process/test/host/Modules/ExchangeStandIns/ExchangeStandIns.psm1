# Stands in for what reaches an Exchange server from PowerShell: New-PSSession, Import-PSSession, Remove-PSSession.
# Nothing of remoting is imitated: the session is a real one, over a named pipe, to
#
#   EXCHANGE_STAND_INS_PIPE          whatever serves that pipe, e.g. the simulator with --pipe: its organisation; or
#   EXCHANGE_STAND_INS_ORGANISATION  this process itself, with the cmdlets of ExchangeCmdlets.psm1 on the organisation
#                                    in that JSON file, in a runspace without a language, as Exchange's is
#
# EXCHANGE_STAND_INS_LOG       each call as a JSON line: {"command", "parameters"}
# EXCHANGE_STAND_INS_FAILURES  JSON list of {"command", "identity"?, "message", "id"?, "category"?, "times"?,
#                              "terminating"?, "end": "kill" | "hang"?, "after"?}; see Invoke-WantedFailure

$script:served = $null
$script:parameters = @{}

function New-PSSession {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)] [uri] $ConnectionUri,
        [Parameter(Mandatory = $true)] [string] $ConfigurationName,
        [System.Management.Automation.Runspaces.AuthenticationMechanism] $Authentication = 'Default',
        [System.Management.Automation.PSCredential] $Credential,
        [switch] $AllowRedirection,
        [System.Management.Automation.Remoting.PSSessionOption] $SessionOption,
        [string[]] $Name
    )
    Write-ExchangeCall 'New-PSSession' $PSBoundParameters
    Invoke-WantedFailure $PSCmdlet 'New-PSSession' $ConnectionUri
    if ($Authentication -eq 'Basic' -and $null -eq $Credential) {
        $PSCmdlet.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new(
                [System.InvalidOperationException]::new('The authentication mechanism Basic wants a credential.'),
                'CannotUseBasicWithoutCredential', 'InvalidArgument', $ConnectionUri))
    }
    $pipe = $env:EXCHANGE_STAND_INS_PIPE
    if (-not $pipe) { $pipe = Start-OwnServer }
    $connection = [System.Management.Automation.Runspaces.NamedPipeConnectionInfo]::new($pipe)
    $types = [System.Management.Automation.Runspaces.TypeTable]::LoadDefaultTypeFiles()
    $runspace = [System.Management.Automation.Runspaces.RunspaceFactory]::CreateRunspace($connection, $Host, $types)
    $runspace.Open()
    if (-not $env:EXCHANGE_STAND_INS_PIPE) { Initialize-OwnServer $runspace }
    [System.Management.Automation.Runspaces.PSSession]::Create($runspace, 'ExchangeStandIn', $PSCmdlet)
}

# A pipe of this process; it serves one session at a time.
function Start-OwnServer {
    if ($null -eq $script:served) {
        $script:served = 'exchange-stand-ins-' + [guid]::NewGuid().ToString('N').Substring(0, 12)
        [System.Management.Automation.Remoting.RemoteSessionNamedPipeServer]::CreateCustomNamedPipeServer($script:served)
    }
    $script:served
}

function Initialize-OwnServer($Runspace) {
    $shell = [powershell]::Create()
    $shell.Runspace = $Runspace
    $null = $shell.AddScript(@'
        param($path)
        Import-Module $path
        Get-Command -Module ExchangeCmdlets | ForEach-Object {
            $own = @{}
            foreach ($one in $_.Parameters.Values) { $own[$one.Name] = [bool] $one.SwitchParameter }
            @{ Name = $_.Name; Parameters = $own }
        }
        $ExecutionContext.SessionState.LanguageMode = 'NoLanguage'
'@).AddArgument([System.IO.Path]::Combine($PSScriptRoot, '..', 'ExchangeCmdlets', 'ExchangeCmdlets.psm1'))
    foreach ($one in $shell.Invoke()) { $script:parameters[$one['Name']] = $one['Parameters'] }
    if ($shell.HadErrors) { throw $shell.Streams.Error[0] }
    $shell.Dispose()
}

# Name -> (parameter -> is it a switch), or nothing where the session has no such command.
function Get-RemoteParameters($Session, [string] $Name) {
    if (-not $env:EXCHANGE_STAND_INS_PIPE) { return $script:parameters[$Name] }
    $shell = [powershell]::Create()
    $shell.Runspace = $Session.Runspace
    $found = $shell.AddCommand('Get-Command').AddParameter('Name', $Name).Invoke()
    $shell.Dispose()
    if ($found.Count -eq 0) { return $null }
    $own = @{}
    foreach ($match in [regex]::Matches($found[0].Definition, '-(\w+)\]?(?: <([^>]+)>)?(?=\])')) {
        $own[$match.Groups[1].Value] = -not $match.Groups[2].Success
    }
    # A role may leave a parameter out of the syntax as well.
    foreach ($parameter in $found[0].Parameters.Keys) { if (-not $own.ContainsKey($parameter)) { $own[$parameter] = $false } }
    $own
}

$script:commonNames = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters

function Import-PSSession {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true, Position = 0)] [System.Management.Automation.Runspaces.PSSession] $Session,
        [Parameter(Position = 2)] [string[]] $CommandName,
        [switch] $AllowClobber,
        [switch] $DisableNameChecking,
        [string] $Prefix = '',
        [string[]] $Module,
        [string[]] $FormatTypeName
    )
    Write-ExchangeCall 'Import-PSSession' $PSBoundParameters
    Invoke-WantedFailure $PSCmdlet 'Import-PSSession' ''
    $names = $CommandName
    if (-not $names) { $names = @($script:parameters.Keys) }
    $text = ''
    foreach ($name in $names) {
        $own = Get-RemoteParameters $Session $name
        if ($null -eq $own) {
            $PSCmdlet.WriteError([System.Management.Automation.ErrorRecord]::new(
                    [System.Management.Automation.CommandNotFoundException]::new("The term '$name' is not recognized as the name of a cmdlet, function, script file, or operable program."),
                    'CommandNotFoundException', 'ObjectNotFound', $name))
            continue
        }
        $declared = foreach ($parameter in $own.Keys) {
            if ($script:commonNames -contains $parameter) { continue }
            $kind = if ($own[$parameter]) { '[switch]' } else { '' }
            $place = if ($parameter -eq 'Identity') { '[Parameter(Position = 0, ValueFromPipelineByPropertyName = $true, ValueFromPipeline = $true)]' } else { '' }
            "$place $kind `${$parameter}"
        }
        $shouldProcess = if ($own.ContainsKey('Confirm')) { 'SupportsShouldProcess = $true' } else { '' }
        # The body of the proxies that the real Import-PSSession writes.
        $text += "function $($name -replace '-', "-$Prefix") { [CmdletBinding($shouldProcess)] param($($declared -join ', '))
            process { Microsoft.PowerShell.Core\Invoke-Command -Session `$session -HideComputerName -ArgumentList @('$name', `$PSBoundParameters, @()) -ScriptBlock { param(`$name, `$boundParams, `$unboundParams) & `$name @boundParams @unboundParams } } }`n"
    }
    if (-not $text) {
        $PSCmdlet.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new(
                [System.ArgumentException]::new('Import-PSSession: the remote session has none of the commands.'),
                'ErrorNoCommandsImportedFromRemoteSession', 'InvalidResult', $Session))
    }
    $proxies = New-Module -Name "tmpEXO_$([guid]::NewGuid().ToString('N').Substring(0, 8))" -ArgumentList $Session, $text -ScriptBlock {
        param($session, $text)
        Invoke-Expression $text
        Export-ModuleMember -Function *
    }
    Import-Module $proxies -Global -DisableNameChecking -PassThru
}

function Remove-PSSession {
    [CmdletBinding()]
    param([Parameter(Position = 0, ValueFromPipeline = $true)] [System.Management.Automation.Runspaces.PSSession[]] $Session)
    process {
        Write-ExchangeCall 'Remove-PSSession' @{}
        $Session | Microsoft.PowerShell.Core\Remove-PSSession
    }
}

. ([System.IO.Path]::Combine($PSScriptRoot, 'Journal.ps1'))
Export-ModuleMember -Function New-PSSession, Import-PSSession, Remove-PSSession
