using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `invoke NAME`: the real client against whatever listens at that pipe, driven by standard input. Each line there is
/// `{"statements": [[{"name", "parameters": {…}}]], "input": [text…], "stopAfter": count}`; each is answered by one line
/// `{"state", "output", "errors", "warnings", "failure"}`. An object is `{"types", "text", "properties": {name: text,
/// Boolean, null or array of text}}`, a property read as PowerShell shows it.
/// </summary>
public static class InvokeCommand
{
    public static int Run(string[] args)
    {
        var connection = new NamedPipeConnectionInfo(args[0]) { OpenTimeout = 20_000 };
        using var runspace = RunspaceFactory.CreateRunspace(connection);
        runspace.Open();
        while (Console.In.ReadLine() is { } line)
        {
            Console.Out.WriteLine(Invoke(runspace, JsonNode.Parse(line)!.AsObject()).ToJsonString());
            Console.Out.Flush();
        }
        runspace.Close();
        return 0;
    }

    static JsonObject Invoke(Runspace runspace, JsonObject request)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = runspace;
        foreach (var statement in request["statements"]!.AsArray())
        {
            foreach (var command in statement!.AsArray())
            {
                if (command!["script"] is { } script) shell.AddScript(script.GetValue<string>());
                else shell.AddCommand(command["name"]!.GetValue<string>());
                foreach (var (name, value) in command["parameters"]?.AsObject() ?? [])
                    shell.AddParameter(name, Value(value));
            }
            shell.AddStatement();
        }
        var output = new PSDataCollection<PSObject>();
        ErrorRecord? failure = null;
        try
        {
            Wait(shell, request, output);
        }
        catch (RuntimeException error)
        {
            failure = error.ErrorRecord;
        }
        return new JsonObject
        {
            ["state"] = shell.InvocationStateInfo.State.ToString(),
            ["output"] = new JsonArray(output.Select(Describe).ToArray()),
            ["errors"] = new JsonArray(shell.Streams.Error.Select(Error).ToArray()),
            ["warnings"] = new JsonArray(shell.Streams.Warning.Select(one => (JsonNode)one.Message).ToArray()),
            ["failure"] = failure is null ? null : Error(failure),
        };
    }

    static void Wait(PowerShell shell, JsonObject request, PSDataCollection<PSObject> output)
    {
        var input = request["input"]?.AsArray().Select(one => (object)one!.GetValue<string>()).ToArray();
        if (request["stopAfter"]?.GetValue<int>() is not { } count)
        {
            if (input is null) shell.Invoke<PSObject, PSObject>(null, output, null);
            else shell.Invoke(input, output);
            return;
        }
        using var enough = new ManualResetEventSlim();
        output.DataAdded += (_, _) => { if (output.Count >= count) enough.Set(); };
        shell.BeginInvoke<PSObject, PSObject>(null, output);
        if (!enough.Wait(30_000)) throw new TimeoutException($"{count} objects did not come");
        shell.Stop();
    }

    static object? Value(JsonNode? node) => node switch
    {
        null => null,
        JsonArray array => array.Select(Value).ToArray(),
        JsonValue value when value.TryGetValue<bool>(out var flag) => flag,
        JsonValue value when value.TryGetValue<int>(out var number) => number,
        _ => node.GetValue<string>(),
    };

    static JsonNode? Describe(PSObject? one)
    {
        if (one is null) return null;
        var properties = new JsonObject();
        foreach (var property in one.Properties)
            if (property.Name is not ("PSComputerName" or "RunspaceId" or "PSShowComputerName"))
                properties[property.Name] = Shown(property.Value);
        return new JsonObject
        {
            ["types"] = new JsonArray(one.TypeNames.Select(name => (JsonNode)name).ToArray()),
            ["text"] = one.ToString(),
            ["properties"] = properties,
        };
    }

    static JsonNode? Shown(object? value) => value switch
    {
        null => null,
        PSObject { BaseObject: System.Collections.IList list } => new JsonArray(list.Cast<object?>().Select(Shown).ToArray()),
        System.Collections.IList list => new JsonArray(list.Cast<object?>().Select(Shown).ToArray()),
        bool flag => flag,
        DateTime time => time.ToString("o", System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    static JsonNode Error(ErrorRecord record) => new JsonObject
    {
        ["message"] = record.Exception.Message,
        ["id"] = record.FullyQualifiedErrorId,
        ["category"] = record.CategoryInfo.Category.ToString(),
        ["reason"] = record.CategoryInfo.Reason,
        ["exception"] = record.Exception.GetType().Name,
    };
}
