using System.Management.Automation;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `deserialize`: JSON lines in, `{"form": "file" or "wire", "xml": base64}`; JSON lines out, in the same order:
/// `{"values": [described…], "again": base64 of what the real serializer makes of them}` or `{"error": message}`.
/// </summary>
public static class DeserializeCommand
{
    static readonly JsonSerializerOptions Deep = new() { MaxDepth = 1000 };

    public static int Run(string[] args)
    {
        using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        while (input.ReadLine() is { } line)
        {
            var request = JsonNode.Parse(line)!;
            var answer = Answer(Convert.FromBase64String(request["xml"]!.GetValue<string>()), request["form"]!.GetValue<string>() == "wire");
            output.Write(answer.ToJsonString(Deep));
            output.Write('\n');
        }
        return 0;
    }

    static JsonObject Answer(byte[] xml, bool wire)
    {
        try
        {
            var values = wire ? [Wire.Deserialize(xml)] : PSSerializer.DeserializeAsList(Encoding.UTF8.GetString(xml));
            var described = new JsonArray(values.Select(value => (JsonNode?)Describe.Whole(value)).ToArray());
            var again = Wire.Serialize(values.Length == 1 ? values[0] : values);
            return new JsonObject { ["values"] = described, ["again"] = Convert.ToBase64String(again) };
        }
        catch (Exception error)
        {
            return new JsonObject { ["error"] = $"{error.GetType().FullName}: {error.Message}" };
        }
    }
}
