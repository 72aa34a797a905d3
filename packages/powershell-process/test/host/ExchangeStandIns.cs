namespace TestHost;

/// <summary>The stand-ins for what reaches Exchange hide the engine's own cmdlets of these names, so only where they are asked for.</summary>
public static class ExchangeStandIns
{
    static readonly string[] Sources = ["EXCHANGE_STAND_INS_PIPE", "EXCHANGE_STAND_INS_ORGANISATION"];

    /// <summary>Script text for each new runspace, or null.</summary>
    public static string? Import =>
        Sources.Any(name => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name))) ? "Import-Module ExchangeStandIns -Global" : null;
}
