using System.Management.Automation;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `serialize`: every scenario twice, as one JSON line each: `{"name", "form": "file" (as Export-Clixml) or
/// "wire" (a message body), "xml": base64 of what the real serializer wrote, "values": what the real
/// deserializer makes of it, described}`; `"unwritable"` or `"unreadable"` where it refuses.
/// </summary>
public static class SerializeCommand
{
    static readonly JsonSerializerOptions Deep = new() { MaxDepth = 1000 };

    public static int Run(string[] args)
    {
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
        foreach (var (name, value, depth) in Scenarios.All())
        {
            Write(name, "file", () => Encoding.UTF8.GetBytes(PSSerializer.Serialize(value, depth)), xml => PSSerializer.DeserializeAsList(Encoding.UTF8.GetString(xml)));
            Write(name, "wire", () => Wire.Serialize(value), xml => [Wire.Deserialize(xml)]);
        }
        return 0;

        void Write(string name, string form, Func<byte[]> serialize, Func<byte[], object?[]> deserialize)
        {
            var line = new JsonObject { ["name"] = name, ["form"] = form };
            var step = "unwritable";
            try
            {
                var xml = serialize();
                line["xml"] = Convert.ToBase64String(xml);
                step = "unreadable";
                line["values"] = new JsonArray(deserialize(xml).Select(one => (JsonNode?)Describe.Whole(one)).ToArray());
            }
            catch (Exception error)
            {
                line[step] = error.Message;
            }
            output.Write(line.ToJsonString(Deep));
            output.Write('\n');
        }
    }
}
