using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Security;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `conform`: the real client, driven by JSON lines on standard input, each answered by one line. `{"open": pipe name,
/// "host": whether to announce one}` opens a session there; `{"statements": [[{"name" or "script", "parameters":
/// [{"name", "value": PowerShell text}]}]], "input": PowerShell text, "stopAfter": count, "invocationInfo"}` runs a
/// pipeline in it and tells all of its outcome; `{"close": true}` ends the session.
/// </summary>
public static class ConformCommand
{
    static readonly JsonSerializerOptions Deep = new() { MaxDepth = 1000 };
    static readonly Runspace Local = OpenLocal();
    static RecordingHost? host;
    static Runspace? runspace;

    public static int Run(string[] args)
    {
        using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false)) { AutoFlush = true };
        while (input.ReadLine() is { } line)
        {
            JsonObject answer;
            try
            {
                answer = Answer(JsonNode.Parse(line)!.AsObject());
            }
            catch (Exception error)
            {
                answer = new JsonObject { ["thrown"] = $"{error}\n{WhyBroken()}" };
            }
            output.Write(answer.ToJsonString(Deep) + "\n");
        }
        return 0;
    }

    static Runspace OpenLocal()
    {
        var local = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        local.Open();
        return local;
    }

    static JsonObject Answer(JsonObject request)
    {
        if (request["open"] is { } pipe) return Open(pipe.GetValue<string>(), request["host"]?.GetValue<bool>() == true);
        if (request["close"] is null) return Invoke(runspace!, request);
        runspace!.Close();
        var closed = new JsonObject { ["state"] = runspace.RunspaceStateInfo.State.ToString() };
        runspace.Dispose();
        return closed;
    }

    static JsonObject Open(string pipe, bool withHost)
    {
        var connection = new NamedPipeConnectionInfo(pipe) { OpenTimeout = 20_000 };
        host = withHost ? new RecordingHost() : null;
        runspace = withHost ? RunspaceFactory.CreateRunspace(connection, host, null) : RunspaceFactory.CreateRunspace(connection);
        runspace.Open();
        return new JsonObject
        {
            ["state"] = runspace.RunspaceStateInfo.State.ToString(),
            ["reason"] = runspace.RunspaceStateInfo.Reason?.ToString(),
            ["version"] = NegotiatedVersion(runspace),
            ["privateData"] = Describe.Whole(runspace.GetApplicationPrivateData()),
        };
    }

    // Internal: what the client has agreed on with this server, and why its pool has gone.
    static string? NegotiatedVersion(Runspace remote) => Inside(remote, "RunspacePool", "RemoteRunspacePoolInternal", "PSRemotingProtocolVersion");

    static string? WhyBroken() => Inside(runspace, "RunspacePool", "RunspacePoolStateInfo", "Reason");

    static string? Inside(object? at, params string[] path)
    {
        const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        foreach (var name in path) at = at?.GetType().GetProperty(name, any)?.GetValue(at);
        return at?.ToString();
    }

    /// <summary>The value of PowerShell text, made here and not unrolled: `$v` is the first expression's value.</summary>
    static object? Evaluate(string text)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = Local;
        var holder = (Hashtable)shell.AddScript("$v = " + text + "\n@{ value = $v }").Invoke().Single().BaseObject;
        if (shell.HadErrors) throw new InvalidOperationException($"{text}: {shell.Streams.Error[0]}");
        return holder["value"] is PSObject one && one.BaseObject is not PSCustomObject && !Noted(one) ? one.BaseObject : holder["value"];
    }

    static bool Noted(PSObject one) => one.Members.Any(member => member.IsInstance && member is PSNoteProperty);

    static JsonObject Invoke(Runspace remote, JsonObject request)
    {
        using var shell = PowerShell.Create();
        shell.Runspace = remote;
        foreach (var statement in request["statements"]!.AsArray())
        {
            foreach (var command in statement!.AsArray())
            {
                if (command!["script"] is { } script) shell.AddScript(script.GetValue<string>());
                else shell.AddCommand(command["name"]!.GetValue<string>());
                foreach (var parameter in command["parameters"]?.AsArray() ?? [])
                {
                    var value = Evaluate(parameter!["value"]!.GetValue<string>());
                    if (parameter["name"] is { } name) shell.AddParameter(name.GetValue<string>(), value);
                    else shell.AddArgument(value);
                }
            }
            if (request["statements"]!.AsArray().Count > 1) shell.AddStatement();
        }
        host?.Calls.Clear();
        var output = new PSDataCollection<PSObject>();
        Wait(shell, request, output);
        var told = Tell(shell, output);
        told["host"] = host is null ? null : new JsonArray(host.Calls.Select(call => (JsonNode)call).ToArray());
        return told;
    }

    static void Wait(PowerShell shell, JsonObject request, PSDataCollection<PSObject> output)
    {
        var settings = new PSInvocationSettings();
        if (host is not null) settings.Host = host;
        if (request["invocationInfo"]?.GetValue<bool>() == true) settings.RemoteStreamOptions = RemoteStreamOptions.AddInvocationInfo;
        PSDataCollection<object?>? input = null;
        if (request["input"] is { } text)
        {
            input = [];
            foreach (var one in (IEnumerable)Evaluate(text.GetValue<string>())!) input.Add(one);
            input.Complete();
        }
        var stopAfter = request["stopAfter"]?.GetValue<int>();
        using var enough = new ManualResetEventSlim();
        output.DataAdded += (_, _) => { if (output.Count >= stopAfter) enough.Set(); };
        var running = shell.BeginInvoke(input, output, settings, null, null);
        try
        {
            if (stopAfter is null)
            {
                if (!running.AsyncWaitHandle.WaitOne(60_000)) throw new TimeoutException("the pipeline did not end in a minute");
                shell.EndInvoke(running);
            }
            else
            {
                if (!enough.Wait(30_000)) throw new TimeoutException($"{stopAfter} objects did not come");
                shell.Stop();
            }
        }
        catch (Exception error) when (error is IContainsErrorRecord)
        {
            // Told below from InvocationStateInfo.
        }
    }

    static JsonObject Tell(PowerShell shell, PSDataCollection<PSObject> output)
    {
        var failure = shell.InvocationStateInfo.Reason as IContainsErrorRecord;
        return new JsonObject
        {
            ["state"] = shell.InvocationStateInfo.State.ToString(),
            ["failure"] = failure is null ? null : Error(failure.ErrorRecord),
            ["output"] = new JsonArray(output.Select(one => (JsonNode?)Describe.Whole(one)).ToArray()),
            ["secrets"] = new JsonArray(output.Select(one => one?.BaseObject).OfType<SecureString>().Select(Reveal).ToArray()),
            ["error"] = new JsonArray(shell.Streams.Error.Select(one => (JsonNode)Error(one)).ToArray()),
            ["warning"] = Texts(shell.Streams.Warning),
            ["verbose"] = Texts(shell.Streams.Verbose),
            ["debug"] = Texts(shell.Streams.Debug),
            ["information"] = new JsonArray(shell.Streams.Information.Select(one => (JsonNode)new JsonObject
            {
                ["data"] = Describe.Whole(one.MessageData),
                ["source"] = one.Source,
                ["tags"] = new JsonArray(one.Tags.Select(tag => (JsonNode)tag).ToArray()),
                ["user"] = one.User,
                ["computer"] = one.Computer,
            }).ToArray()),
            ["progress"] = new JsonArray(shell.Streams.Progress.Select(one => (JsonNode)new JsonObject
            {
                ["activity"] = one.Activity,
                ["id"] = one.ActivityId,
                ["status"] = one.StatusDescription,
                ["operation"] = one.CurrentOperation,
                ["parent"] = one.ParentActivityId,
                ["percent"] = one.PercentComplete,
                ["seconds"] = one.SecondsRemaining,
                ["type"] = one.RecordType.ToString(),
            }).ToArray()),
        };
    }

    static JsonNode Reveal(SecureString secret) => Describe.Hex(new System.Net.NetworkCredential("", secret).Password);

    static JsonArray Texts<T>(IEnumerable<T> records) where T : InformationalRecord
        => new(records.Select(one => (JsonNode)new JsonObject { ["message"] = one.Message, ["line"] = Line(one.InvocationInfo) }).ToArray());

    static string? Line(InvocationInfo? info) => info is null ? null : $"{info.ScriptLineNumber}:{info.OffsetInLine} {info.InvocationName}";

    static JsonObject Error(ErrorRecord record)
    {
        var remote = (record.Exception as RemoteException)?.SerializedRemoteException;
        return new JsonObject
        {
            ["message"] = record.Exception.Message,
            ["id"] = record.FullyQualifiedErrorId,
            ["category"] = (int)record.CategoryInfo.Category,
            ["activity"] = record.CategoryInfo.Activity,
            ["reason"] = record.CategoryInfo.Reason,
            ["targetName"] = record.CategoryInfo.TargetName,
            ["targetType"] = record.CategoryInfo.TargetType,
            ["categoryMessage"] = record.CategoryInfo.GetMessage(),
            ["details"] = record.ErrorDetails?.Message,
            ["recommended"] = record.ErrorDetails?.RecommendedAction,
            ["exception"] = new JsonArray((remote?.TypeNames ?? [record.Exception.GetType().FullName!]).Select(name => (JsonNode)name).ToArray()),
            ["target"] = Describe.Whole(record.TargetObject),
            ["line"] = Line(record.InvocationInfo),
        };
    }
}
