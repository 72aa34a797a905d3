using System.Management.Automation.Language;
using System.Text.Json.Nodes;

namespace TestHost;

/// <summary>
/// `check-script FILE…`: what the real parser refuses, and what it takes but Windows PowerShell 5.1 lacks. One JSON
/// line for each finding: `{"file", "line", "rule", "message"}`. Exit code 1 if there is any.
/// </summary>
public static class ScriptCheck
{
    public static int Run(string[] files)
    {
        var found = false;
        foreach (var file in files)
        {
            foreach (var (line, rule, message) in Check(file).OrderBy(one => one.Line))
            {
                found = true;
                Console.Out.WriteLine(new JsonObject { ["file"] = file, ["line"] = line, ["rule"] = rule, ["message"] = message }.ToJsonString());
            }
        }
        return found ? 1 : 0;
    }

    static List<(int Line, string Rule, string Message)> Check(string file)
    {
        var findings = new List<(int, string, string)>();
        var tree = Parser.ParseFile(file, out var tokens, out var errors);
        foreach (var error in errors) findings.Add((error.Extent.StartLineNumber, "parse", error.Message));
        CheckBytes(file, findings);
        foreach (var token in tokens) CheckToken(token, findings);
        var walk = new OldSyntaxWalk(findings);
        tree.Visit(walk);
        CheckRequirements(tree, findings);
        return findings;
    }

    /// <summary>5.1 reads a script without a byte-order mark in the machine's code page.</summary>
    static void CheckBytes(string file, List<(int, string, string)> findings)
    {
        var bytes = File.ReadAllBytes(file);
        if (bytes is [0xEF, 0xBB, 0xBF, ..]) return;
        var at = Array.FindIndex(bytes, one => one >= 0x80);
        if (at >= 0) findings.Add((bytes.Take(at).Count(one => one == '\n') + 1, "encoding", "a character beyond ASCII in a file without a byte-order mark: 5.1 reads it in the machine's code page"));
    }

    static void CheckToken(Token token, List<(int, string, string)> findings)
    {
        if (token is NumberToken && !OldSyntax.Number.IsMatch(token.Text))
            findings.Add((token.Extent.StartLineNumber, "number", $"{token.Text}: 5.1 has hexadecimal, the suffixes l and d, and kb to pb, no others"));
        if (token is StringExpandableToken && OldSyntax.Escape.Match(token.Text) is { Success: true } escape)
            findings.Add((token.Extent.StartLineNumber, "escape", $"{escape.Value} in a string: 5.1 has no `e and no `u{{…}}"));
        foreach (var inner in (token as StringExpandableToken)?.NestedTokens ?? Enumerable.Empty<Token>()) CheckToken(inner, findings);
    }

    static void CheckRequirements(ScriptBlockAst tree, List<(int, string, string)> findings)
    {
        var needs = tree.ScriptRequirements;
        if (needs?.RequiredPSVersion > new Version(5, 1)) findings.Add((1, "requires", $"#requires -Version {needs.RequiredPSVersion}"));
        if (needs is { RequiredPSEditions.Count: > 0 } && !needs.RequiredPSEditions.Contains("Desktop", StringComparer.OrdinalIgnoreCase))
            findings.Add((1, "requires", "#requires -PSEdition without Desktop"));
    }
}

/// <summary>The tree of a script, against what 5.1's grammar and commands have.</summary>
sealed class OldSyntaxWalk(List<(int, string, string)> findings) : AstVisitor2
{
    AstVisitAction Refuse(Ast at, string rule, string message)
    {
        findings.Add((at.Extent.StartLineNumber, rule, message));
        return AstVisitAction.Continue;
    }

    public override AstVisitAction VisitTernaryExpression(TernaryExpressionAst one) => Refuse(one, "ternary", "a ? b : c is of PowerShell 7");

    public override AstVisitAction VisitPipelineChain(PipelineChainAst one) => Refuse(one, "chain", "&& and || are of PowerShell 7");

    public override AstVisitAction VisitPipeline(PipelineAst one) =>
        one.Background ? Refuse(one, "background", "a trailing & is of PowerShell 6") : AstVisitAction.Continue;

    public override AstVisitAction VisitBinaryExpression(BinaryExpressionAst one) =>
        one.Operator == TokenKind.QuestionQuestion ? Refuse(one, "null-coalescing", "?? is of PowerShell 7") : AstVisitAction.Continue;

    public override AstVisitAction VisitAssignmentStatement(AssignmentStatementAst one) =>
        one.Operator == TokenKind.QuestionQuestionEquals ? Refuse(one, "null-coalescing", "??= is of PowerShell 7") : AstVisitAction.Continue;

    public override AstVisitAction VisitMemberExpression(MemberExpressionAst one)
    {
        if (one.NullConditional) Refuse(one, "null-conditional", "?. is of PowerShell 7");
        return CheckStatic(one);
    }

    public override AstVisitAction VisitInvokeMemberExpression(InvokeMemberExpressionAst one)
    {
        if (one.NullConditional) Refuse(one, "null-conditional", "?.() is of PowerShell 7");
        if (one.GenericTypeArguments?.Count > 0) Refuse(one, "generic-method", "type arguments of a method are of PowerShell 7");
        if (IsStatic(one, "System.IO.File") && NameOf(one) == "move" && one.Arguments?.Count > 2) Refuse(one, "dotnet", "File.Move with three arguments is not in .NET Framework");
        return CheckStatic(one);
    }

    public override AstVisitAction VisitIndexExpression(IndexExpressionAst one) =>
        one.NullConditional ? Refuse(one, "null-conditional", "?[] is of PowerShell 7") : AstVisitAction.Continue;

    public override AstVisitAction VisitNamedBlock(NamedBlockAst one) =>
        one.BlockKind == TokenKind.Clean ? Refuse(one, "clean", "clean blocks are of PowerShell 7.3") : AstVisitAction.Continue;

    public override AstVisitAction VisitForEachStatement(ForEachStatementAst one) =>
        one.Flags.HasFlag(ForEachFlags.Parallel) ? Refuse(one, "parallel", "foreach -parallel is of workflows only") : AstVisitAction.Continue;

    public override AstVisitAction VisitVariableExpression(VariableExpressionAst one) =>
        OldSyntax.NewVariables.Contains(one.VariablePath.UserPath) ? Refuse(one, "variable", $"${one.VariablePath.UserPath} is not set in 5.1, an error in strict mode") : AstVisitAction.Continue;

    public override AstVisitAction VisitTypeExpression(TypeExpressionAst one) => CheckType(one, one.TypeName);

    public override AstVisitAction VisitTypeConstraint(TypeConstraintAst one) => CheckType(one, one.TypeName);

    public override AstVisitAction VisitConvertExpression(ConvertExpressionAst one) => AstVisitAction.Continue;

    public override AstVisitAction VisitAttribute(AttributeAst one) => CheckType(one, one.TypeName);

    AstVisitAction CheckType(Ast at, ITypeName type) =>
        OldSyntax.NewTypes.Any(name => type.FullName.Equals(name, StringComparison.OrdinalIgnoreCase) || type.FullName.StartsWith(name + ".", StringComparison.OrdinalIgnoreCase))
            ? Refuse(at, "type", $"[{type.FullName}] is not in 5.1")
            : AstVisitAction.Continue;

    AstVisitAction CheckStatic(MemberExpressionAst one)
    {
        foreach (var (type, member) in OldSyntax.NewMembers)
            if (IsStatic(one, type) && NameOf(one) == member.ToLowerInvariant()) Refuse(one, "dotnet", $"[{type}]::{member} is not in .NET Framework");
        return AstVisitAction.Continue;
    }

    static bool IsStatic(MemberExpressionAst one, string type) =>
        one.Static && one.Expression is TypeExpressionAst named && (named.TypeName.GetReflectionType()?.FullName ?? named.TypeName.FullName).Equals(type, StringComparison.OrdinalIgnoreCase);

    static string NameOf(MemberExpressionAst one) => (one.Member as StringConstantExpressionAst)?.Value.ToLowerInvariant() ?? "";

    public override AstVisitAction VisitCommand(CommandAst one)
    {
        if (one.GetCommandName() is not { } written) return AstVisitAction.Continue;
        var name = OldSyntax.Aliases.GetValueOrDefault(written.ToLowerInvariant(), written);
        if (OldSyntax.NewCommands.Contains(name)) Refuse(one, "command", $"{name} is not in 5.1");
        var refused = OldSyntax.NewParameters.GetValueOrDefault(name.ToLowerInvariant(), []);
        foreach (var parameter in one.CommandElements.OfType<CommandParameterAst>()) CheckParameter(parameter, name, parameter.ParameterName, refused);
        foreach (var splat in one.CommandElements.OfType<VariableExpressionAst>().Where(element => element.Splatted)) CheckSplat(one, splat, name, refused);
        if (name.Equals("Join-Path", StringComparison.OrdinalIgnoreCase) && Positional(one) > 2 - NamedOf(one, "Path", "ChildPath"))
            Refuse(one, "parameter", "Join-Path joins two parts in 5.1, no more");
        CheckEncoding(one);
        return AstVisitAction.Continue;
    }

    void CheckParameter(Ast at, string command, string given, string[] refused)
    {
        if (given.Length >= 9 && "ProgressAction".StartsWith(given, StringComparison.OrdinalIgnoreCase)) Refuse(at, "parameter", "-ProgressAction is of PowerShell 7.4");
        foreach (var name in refused)
            if (name.Equals(given, StringComparison.OrdinalIgnoreCase) || (given.Length >= 4 && name.StartsWith(given, StringComparison.OrdinalIgnoreCase)))
                Refuse(at, "parameter", $"{command} -{name} is not in 5.1");
    }

    /// <summary>Keys that the same script gives to the hashtable it splats.</summary>
    void CheckSplat(Ast at, VariableExpressionAst splat, string command, string[] refused)
    {
        Ast root = at;
        while (root.Parent is not null) root = root.Parent;
        bool Names(Ast? target) => target is VariableExpressionAst variable && variable.VariablePath.UserPath.Equals(splat.VariablePath.UserPath, StringComparison.OrdinalIgnoreCase);
        foreach (AssignmentStatementAst assigned in root.FindAll(one => one is AssignmentStatementAst, true))
        {
            if (assigned.Left is IndexExpressionAst { Index: StringConstantExpressionAst key } index && Names(index.Target)) CheckParameter(assigned, command, key.Value, refused);
            if (assigned.Left is MemberExpressionAst { Member: StringConstantExpressionAst member } dotted && Names(dotted.Expression)) CheckParameter(assigned, command, member.Value, refused);
            if (!Names(assigned.Left)) continue;
            foreach (HashtableAst table in assigned.Right.FindAll(one => one is HashtableAst, false))
                foreach (var (entry, _) in table.KeyValuePairs)
                    if (entry is StringConstantExpressionAst text) CheckParameter(entry, command, text.Value, refused);
        }
    }

    static int Positional(CommandAst one)
    {
        var count = 0;
        for (var at = 1; at < one.CommandElements.Count; at++)
        {
            if (one.CommandElements[at] is CommandParameterAst named)
            {
                var isSwitch = named.ParameterName.Equals("Resolve", StringComparison.OrdinalIgnoreCase);
                if (named.Argument is null && !isSwitch) at++;
            }
            else if (one.CommandElements[at] is not VariableExpressionAst { Splatted: true }) count++;
        }
        return count;
    }

    static int NamedOf(CommandAst one, params string[] names) =>
        one.CommandElements.OfType<CommandParameterAst>().Count(parameter => names.Any(name => name.Equals(parameter.ParameterName, StringComparison.OrdinalIgnoreCase)));

    void CheckEncoding(CommandAst one)
    {
        for (var at = 1; at < one.CommandElements.Count; at++)
        {
            if (one.CommandElements[at] is not CommandParameterAst parameter || !parameter.ParameterName.StartsWith("enc", StringComparison.OrdinalIgnoreCase)) continue;
            var value = parameter.Argument ?? (at + 1 < one.CommandElements.Count ? one.CommandElements[at + 1] : null);
            if (value is StringConstantExpressionAst text && OldSyntax.NewEncodings.Contains(text.Value)) Refuse(value, "encoding", $"-Encoding {text.Value} is not in 5.1");
            if (value is ConstantExpressionAst and not StringConstantExpressionAst) Refuse(value, "encoding", "-Encoding by number is not in 5.1");
        }
    }
}
