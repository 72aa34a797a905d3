using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `parse`: JSON lines in, each the arguments of one command as text; JSON lines out, what a function that
/// takes any arguments is given for them: `{"name": …}` for a parameter, `{"kind", "value"}`,
/// `{"kind": "array", "items"}`, or `{"error"}` in place of all.
/// </summary>
public static class ParseCommand
{
    public static int Run(string[] args)
    {
        using var shell = PowerShell.Create(InitialSessionState.CreateDefault2());
        shell.AddScript("function Get-Thing { , $args }").Invoke();
        while (Console.In.ReadLine() is { } line)
        {
            shell.Commands.Clear();
            Console.Out.WriteLine(Answer(shell, JsonNode.Parse(line)!.GetValue<string>()).ToJsonString());
        }
        return 0;
    }

    static JsonNode Answer(PowerShell shell, string arguments)
    {
        try
        {
            shell.Streams.ClearStreams();
            var output = shell.AddScript($"Get-Thing {arguments}").Invoke();
            if (output.Count == 0) return new JsonObject { ["error"] = shell.Streams.Error.FirstOrDefault()?.FullyQualifiedErrorId };
            var given = (IEnumerable)output[0].BaseObject;
            return new JsonArray(given.Cast<object?>().Select(one => (JsonNode?)Value(one)).ToArray());
        }
        catch (RuntimeException error)
        {
            return new JsonObject { ["error"] = error.ErrorRecord.FullyQualifiedErrorId };
        }
    }

    static JsonObject Value(object? given)
    {
        // The real binder marks the names that it puts into $args, to know them again when they are splatted.
        if (given is PSObject marked && marked.Properties["<CommandParameterName>"] is { } name)
            return new JsonObject { ["name"] = (string)name.Value };
        return (given is PSObject wrapped ? wrapped.BaseObject : given) switch
        {
            null => Of("Nil", ""),
            bool flag => Of("B", flag ? "true" : "false"),
            string text => Of("S", text),
            int number => Of("I32", number.ToString(CultureInfo.InvariantCulture)),
            long number => Of("I64", number.ToString(CultureInfo.InvariantCulture)),
            decimal number => Of("D", number.ToString(CultureInfo.InvariantCulture)),
            double number => Of("Db", number.ToString("R", CultureInfo.InvariantCulture)),
            object?[] items => new JsonObject { ["kind"] = "array", ["items"] = new JsonArray(items.Select(item => (JsonNode?)Value(item)).ToArray()) },
            var other => Of(other.GetType().Name, string.Format(CultureInfo.InvariantCulture, "{0}", other)),
        };
    }

    static JsonObject Of(string kind, string value) => new() { ["kind"] = kind, ["value"] = value };
}
