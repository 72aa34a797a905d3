# Where a fulfilment script finds what it builds on. It stands beside the script, which dot-sources it:
#
#   . (Join-Path -Path $PSScriptRoot -ChildPath "Environment.ps1")
#   . (Join-Path -Path $runtimePath -ChildPath "Usercube-Visit-Orders.ps1")
#
# $runtimePath  the folder of Usercube-Visit-Orders.ps1
# $demoPath     the folder that holds the Temp and Work folders
#
# The connector names both; a script that is run by hand gets the folder of this file.

$runtimePath = $env:EXCHANGE_CONNECTOR_RUNTIME_PATH
if (-not $runtimePath) { $runtimePath = $PSScriptRoot }

$demoPath = $env:EXCHANGE_CONNECTOR_DEMO_PATH
if (-not $demoPath) { $demoPath = $PSScriptRoot }
