using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `measure FILE [SECONDS]`: FILE holds JSON lines, each the text of one message body (a bare `Obj`). Says
/// how much CPU the real deserializer takes for one of them when warm:
/// `{"documents": n, "microseconds": best of the rounds, "median": …}`.
/// </summary>
public static class MeasureCommand
{
    const string Head = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">";

    public static int Run(string[] args)
    {
        var seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 3;
        var documents = File.ReadLines(args[0]).Select(line => Head + JsonNode.Parse(line)!.GetValue<string>() + "</Objs>").ToArray();
        var rounds = new List<double>();
        var process = Process.GetCurrentProcess();
        var until = Stopwatch.StartNew();
        while (until.Elapsed.TotalSeconds < seconds || rounds.Count < 5)
        {
            process.Refresh();
            var before = process.TotalProcessorTime;
            foreach (var document in documents) PSSerializer.Deserialize(document);
            process.Refresh();
            rounds.Add((process.TotalProcessorTime - before).TotalMicroseconds / documents.Length);
        }
        rounds.Sort();
        Console.WriteLine(new JsonObject
        {
            ["documents"] = documents.Length,
            ["rounds"] = rounds.Count,
            ["microseconds"] = rounds[0],
            ["median"] = rounds[rounds.Count / 2],
        }.ToJsonString());
        return 0;
    }
}
