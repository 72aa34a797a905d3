using System.Globalization;
using System.Management.Automation.Language;
using System.Text.Json.Nodes;

namespace Oracle;

/// <summary>
/// `parse`: JSON lines in, each the text of one command; JSON lines out, what the real parser reads in it:
/// `[{"name": …} for a parameter, {"kind", "value"} for a constant, {"kind": "array", "items"}…]` or `{"error"}`.
/// </summary>
public static class ParseCommand
{
    public static int Run(string[] args)
    {
        while (Console.In.ReadLine() is { } line)
        {
            Console.Out.WriteLine(Answer(JsonNode.Parse(line)!.GetValue<string>()).ToJsonString());
        }
        return 0;
    }

    static JsonNode Answer(string text)
    {
        var script = Parser.ParseInput(text, out _, out var errors);
        if (errors.Length > 0) return new JsonObject { ["error"] = errors[0].ErrorId };
        var command = (CommandAst)((PipelineAst)script.EndBlock.Statements[0]).PipelineElements[0];
        var elements = new JsonArray();
        foreach (var element in command.CommandElements.Skip(1))
        {
            if (element is not CommandParameterAst parameter)
            {
                elements.Add(Value(element));
                continue;
            }
            elements.Add(new JsonObject { ["name"] = parameter.ParameterName });
            if (parameter.Argument is not null) elements.Add(Value(parameter.Argument));
        }
        return elements;
    }

    static JsonNode Value(Ast ast) => ast switch
    {
        StringConstantExpressionAst text => Of("S", text.Value),
        ExpandableStringExpressionAst text => Of("S", text.Value),
        ConstantExpressionAst constant => Constant(constant.Value),
        VariableExpressionAst variable => Of("variable", variable.VariablePath.UserPath.ToLowerInvariant()),
        ArrayLiteralAst array => new JsonObject
        {
            ["kind"] = "array",
            ["items"] = new JsonArray(array.Elements.Select(item => (JsonNode?)Value(item)).ToArray()),
        },
        _ => Of(ast.GetType().Name, ast.Extent.Text),
    };

    static JsonObject Constant(object value) => value switch
    {
        int number => Of("I32", number.ToString(CultureInfo.InvariantCulture)),
        long number => Of("I64", number.ToString(CultureInfo.InvariantCulture)),
        decimal number => Of("D", number.ToString(CultureInfo.InvariantCulture)),
        double number => Of("Db", number.ToString("R", CultureInfo.InvariantCulture)),
        _ => Of(value.GetType().Name, string.Format(CultureInfo.InvariantCulture, "{0}", value)),
    };

    static JsonObject Of(string kind, string value) => new() { ["kind"] = kind, ["value"] = value };
}
