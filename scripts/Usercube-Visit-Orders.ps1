# Hands provisioning orders to a function, one at a time, and writes what became of each.
#
#   Usercube-Visit-Orders $resultsFilePath $ordersPath Fulfill-Something
#
# resultsFilePath   the CSV file of results: AssignmentId,ProvisioningState,Message,ChangeType,OwnerId,OwnerType
# ordersPath        the folder of JSON files with a ProvisioningOrdersList each
# visitor           the name of the function; it is given the order. What it throws, writes with Write-Error, or
#                   a cmdlet in it reports as an error makes the order errored; the next one goes on
#
# Standard output gets OrdersCount:<n> and Progress:<n>.
#
# Under the connector, which names a folder in EXCHANGE_CONNECTOR_FULFILL_FOLDER, an order is handed out at most
# once, whatever dies when: before the function is called, the file claims/<order> is made, which only one can
# make, and a line is written through to the disk; after it returned, another line. The connector makes the
# claims of the orders that it takes back from a script that it lost. What a row of the results is known by stands
# in the file cells/<order>, four lines of base64: ConvertFrom-Json makes dates and numbers of what looks like one.
#
# Windows PowerShell 5.1 and PowerShell 7. A function sees the variables of its callers: the names here are
# such as no script uses for its own.

function Usercube-Visit-Orders {
  param (
    [Parameter(Mandatory = $true, Position = 0)][string]$resultsFilePath,
    [Parameter(Mandatory = $true, Position = 1)][string]$ordersPath,
    [Parameter(Mandatory = $true, Position = 2)]$visitor
  )

  $uvoUtf8 = [System.Text.UTF8Encoding]::new($false)
  $uvoFolder = $env:EXCHANGE_CONNECTOR_FULFILL_FOLDER
  $uvoJournal = $null
  $uvoResults = $null

  # Through to the disk, before anything else is done.
  $uvoNote = {
    param ($uvoText)
    if ($null -ne $uvoJournal) {
      $uvoBytes = $uvoUtf8.GetBytes($uvoText + "`n")
      $uvoJournal.Write($uvoBytes, 0, $uvoBytes.Length)
      $uvoJournal.Flush($true)
    }
  }

  $uvoMember = {
    param ($uvoObject, $uvoName)
    if ($null -ne $uvoObject -and $null -ne $uvoObject.PSObject.Properties[$uvoName]) {
      $uvoObject.PSObject.Properties[$uvoName].Value
    }
  }

  $uvoCell = {
    param ($uvoText)
    $uvoText = [string]$uvoText
    if ($uvoText.IndexOfAny([char[]]@(',', '"', "`r", "`n")) -ge 0) { '"' + $uvoText.Replace('"', '""') + '"' }
    else { $uvoText }
  }

  $uvoRow = {
    param ($uvoCells)
    $uvoTexts = foreach ($uvoEach in $uvoCells) { & $uvoCell $uvoEach }
    $uvoBytes = $uvoUtf8.GetBytes(($uvoTexts -join ',') + "`r`n")
    $uvoResults.Write($uvoBytes, 0, $uvoBytes.Length)
    $uvoResults.Flush()
  }

  # The cells that tell whose row it is: as the connector read them, else as the parsed order has them.
  $uvoCellsOf = {
    param ($uvoObject, $uvoCellsFile)
    if ($uvoCellsFile -and [System.IO.File]::Exists($uvoCellsFile)) {
      foreach ($uvoLine in [System.IO.File]::ReadAllLines($uvoCellsFile)) {
        $uvoUtf8.GetString([Convert]::FromBase64String($uvoLine))
      }
    }
    else {
      $uvoType = & $uvoMember (& $uvoMember $uvoObject 'ResourceType') 'SourceEntityType'
      [string](& $uvoMember $uvoObject 'AssignedResourceTypeId')
      [string](& $uvoMember $uvoObject 'ChangeType')
      [string](& $uvoMember (& $uvoMember $uvoObject 'Owner') 'Id')
      [string](& $uvoMember $uvoType 'Identifier')
    }
  }

  # What Write-Error wrote since $uvoBefore was the last error, where the preference kept it off the error stream.
  $uvoSilenced = {
    param ($uvoBefore)
    foreach ($uvoRecord in $global:Error) {
      if ([object]::ReferenceEquals($uvoRecord, $uvoBefore)) { break }
      if ($uvoRecord -is [System.Management.Automation.ErrorRecord] -and $uvoRecord.CategoryInfo.Activity -eq 'Write-Error') {
        & $uvoErrorText $uvoRecord
      }
    }
  }

  # Text of one error, in one line.
  $uvoErrorText = {
    param ($uvoRecord)
    $uvoText = $null
    if ($null -ne $uvoRecord.ErrorDetails) { $uvoText = $uvoRecord.ErrorDetails.Message }
    if (-not $uvoText) { $uvoText = $uvoRecord.Exception.Message }
    if (-not $uvoText) { $uvoText = [string]$uvoRecord }
    ($uvoText -replace '\s+', ' ').Trim()
  }

  # Under ErrorActionPreference Continue, what fails outside a try is said and passed over.
  try {
    if ($visitor -is [string] -and -not (Get-Command -Name $visitor -ErrorAction SilentlyContinue)) {
      throw "Usercube-Visit-Orders: there is no function $visitor to hand the orders to"
    }
    if ($uvoFolder) {
      $uvoJournal = [System.IO.FileStream]::new($env:EXCHANGE_CONNECTOR_FULFILL_VISITS, [System.IO.FileMode]::Append,
        [System.IO.FileAccess]::Write, [System.IO.FileShare]::ReadWrite)
    }
    $uvoResults = [System.IO.FileStream]::new($resultsFilePath, [System.IO.FileMode]::Append,
      [System.IO.FileAccess]::Write, [System.IO.FileShare]::ReadWrite)
    if ($uvoResults.Length -eq 0) {
      & $uvoRow @('AssignmentId', 'ProvisioningState', 'Message', 'ChangeType', 'OwnerId', 'OwnerType')
    }

    $uvoFiles = [string[]][System.IO.Directory]::GetFiles($ordersPath, '*.json')
    [Array]::Sort($uvoFiles, [System.StringComparer]::Ordinal)
    & $uvoNote "visiting $PID"

    # Orders are counted before the first is handed out; a file is read again when its turn comes.
    $uvoCount = $uvoFiles.Length
    if (-not $uvoFolder) {
      $uvoCount = 0
      foreach ($uvoFile in $uvoFiles) {
        $uvoDocument = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($uvoFile))
        $uvoCount += @(& $uvoMember $uvoDocument 'ProvisioningOrdersList').Length
      }
    }
    [Console]::Out.WriteLine("OrdersCount:$uvoCount")
    $uvoDone = 0

    foreach ($uvoFile in $uvoFiles) {
      $uvoErrors = [System.Collections.ArrayList]::new()
      $uvoOrders = @($null)
      try {
        $uvoDocument = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($uvoFile)) -ErrorAction Stop
        $uvoOrders = @(& $uvoMember $uvoDocument 'ProvisioningOrdersList')
      }
      catch {
        if (-not $uvoFolder) { throw }
        [void]$uvoErrors.Add('the order cannot be read as JSON: ' + (& $uvoErrorText $_))
      }

      foreach ($uvoOrder in $uvoOrders) {
        $uvoName = [System.IO.Path]::GetFileNameWithoutExtension($uvoFile)
        if ($uvoFolder) {
          $uvoClaim = [System.IO.Path]::Combine($uvoFolder, 'claims', $uvoName)
          try { [System.IO.FileStream]::new($uvoClaim, [System.IO.FileMode]::CreateNew).Dispose() }
          catch {
            if (-not [System.IO.File]::Exists($uvoClaim)) { throw }
            throw "Usercube-Visit-Orders: order $uvoName was handed out before, and no order is handed out twice"
          }
          & $uvoNote "handed $uvoName"
        }

        if ($uvoErrors.Count -eq 0) {
          $uvoLast = $null
          if ($global:Error.Count -gt 0) { $uvoLast = $global:Error[0] }
          try {
            # A stray `break` or `continue` of the function ends this loop, not the one over the orders.
            do {
              & $visitor $uvoOrder 2>&1 | ForEach-Object -Process {
                if ($_ -is [System.Management.Automation.ErrorRecord]) {
                  # What a program writes to its standard error is information.
                  if ($_.FullyQualifiedErrorId -like 'NativeCommandError*') { [Console]::Out.WriteLine([string]$_) }
                  else { [void]$uvoErrors.Add((& $uvoErrorText $_)) }
                }
              }
            } while ($false)
          }
          catch { [void]$uvoErrors.Add((& $uvoErrorText $_)) }
          if ($uvoErrors.Count -eq 0 -and $ErrorActionPreference -eq 'SilentlyContinue') {
            $uvoTexts = @(& $uvoSilenced $uvoLast)
            [Array]::Reverse($uvoTexts)
            $uvoErrors.AddRange($uvoTexts)
          }
        }

        $uvoState = 'Executed'
        if ($uvoErrors.Count -gt 0) { $uvoState = 'Errored' }
        $uvoMessage = $uvoErrors -join '; '
        & $uvoNote ("answered $uvoName $uvoState " + [Convert]::ToBase64String($uvoUtf8.GetBytes($uvoMessage)))

        $uvoCellsFile = ''
        if ($uvoFolder) { $uvoCellsFile = [System.IO.Path]::Combine($uvoFolder, 'cells', $uvoName) }
        $uvoCells = @(& $uvoCellsOf $uvoOrder $uvoCellsFile)
        if ($uvoState -eq 'Errored') { [Console]::Error.WriteLine("order $($uvoCells[0]): $uvoMessage") }
        & $uvoRow @($uvoCells[0], $uvoState, $uvoMessage, $uvoCells[1], $uvoCells[2], $uvoCells[3])
        $uvoErrors = [System.Collections.ArrayList]::new()
        $uvoDone += 1
        [Console]::Out.WriteLine("Progress:$uvoDone")
      }
    }
    & $uvoNote 'done'
  }
  catch { throw }
  finally {
    if ($null -ne $uvoJournal) { $uvoJournal.Dispose() }
    if ($null -ne $uvoResults) { $uvoResults.Dispose() }
  }
}
