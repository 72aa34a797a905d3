using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Security;
using System.Xml;

namespace Oracle;

/// <summary>What the real serializer is made to write: a name, the object, the depth asked for.</summary>
public static class Scenarios
{
    [Flags]
    public enum Colours { None = 0, Red = 1, Green = 2, Blue = 4 }

    public sealed class Person
    {
        public string Name { get; set; } = "Nora";
        public int Age { get; set; } = 41;
        public Person? Friend { get; set; }
        public string[] Tags { get; set; } = ["a", "b"];
        public override string ToString() => $"Person {Name}";
    }

    public sealed class Thrower
    {
        public string Fine => "fine";
        public string Bad => throw new InvalidOperationException("no");
    }

    public sealed class OnlyEnumerable : IEnumerable
    {
        public string Label => "label";
        public IEnumerator GetEnumerator() { yield return 1; yield return "two"; yield return null; }
    }

    public static IEnumerable<(string Name, object? Value, int Depth)> All()
        => Primitives().Concat(Strings()).Concat(Containers()).Concat(Objects()).Concat(Scripts());

    static IEnumerable<(string, object?, int)> Primitives()
    {
        yield return ("null", null, 2);
        yield return ("true", true, 2);
        yield return ("false", false, 2);
        foreach (var number in new object[]
        {
            byte.MinValue, byte.MaxValue, sbyte.MinValue, sbyte.MaxValue, ushort.MaxValue, short.MinValue, uint.MaxValue, int.MinValue,
            int.MaxValue, ulong.MaxValue, long.MinValue, long.MaxValue, 9007199254740993L, 0.1f, float.MaxValue, float.Epsilon, float.NaN,
            float.PositiveInfinity, float.NegativeInfinity, 0.1, -0.0, 1e300, double.MaxValue, double.Epsilon, double.NaN,
            double.PositiveInfinity, double.NegativeInfinity, 1.50m, decimal.MaxValue, decimal.MinValue, 0.0000000000000000000000000001m,
        }) yield return ($"{number.GetType().Name} {number}", number, 2);
        yield return ("Char A", 'A', 2);
        yield return ("Char zero", '\0', 2);
        yield return ("Char lone surrogate", '\ud83d', 2);
        yield return ("Char FFFF", '\uffff', 2);
        yield return ("DateTime UTC", new DateTime(2024, 2, 29, 23, 59, 59, 123, 456, DateTimeKind.Utc), 2);
        yield return ("DateTime local", new DateTime(2024, 7, 1, 1, 2, 3, DateTimeKind.Local), 2);
        yield return ("DateTime unspecified", new DateTime(638000000000000001L, DateTimeKind.Unspecified), 2);
        yield return ("DateTime min", DateTime.MinValue, 2);
        yield return ("DateTime max", DateTime.MaxValue, 2);
        yield return ("DateTimeOffset", new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.FromHours(5.5)), 2);
        yield return ("TimeSpan", new TimeSpan(9, 8, 7, 6, 5), 2);
        yield return ("TimeSpan min", TimeSpan.MinValue, 2);
        yield return ("TimeSpan zero", TimeSpan.Zero, 2);
        yield return ("Guid", Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 2);
        yield return ("Guid empty", Guid.Empty, 2);
        yield return ("Uri", new Uri("https://example.com/a_x0041_b?q=%20&r=ü"), 2);
        yield return ("Uri relative", new Uri("../x y", UriKind.Relative), 2);
        yield return ("Version", new Version(1, 2, 3, 4), 2);
        yield return ("Version short", new Version(1, 2), 2);
        yield return ("bytes", new byte[] { 0, 1, 2, 253, 254, 255 }, 2);
        yield return ("bytes empty", Array.Empty<byte>(), 2);
        yield return ("ScriptBlock", ScriptBlock.Create("param($a) \"<$a & _x0041_>\"\n'\u0007'"), 2);
        var document = new XmlDocument();
        document.LoadXml("<a b='1&amp;2'>x &lt; y _x0041_<![CDATA[z]]></a>");
        yield return ("XmlDocument", document, 2);
        yield return ("BigInteger", System.Numerics.BigInteger.Parse("123456789012345678901234567890"), 2);
        yield return ("SemanticVersion", new SemanticVersion("7.6.0-rc.1"), 2);
    }

    static IEnumerable<(string, object?, int)> Strings()
    {
        yield return ("string empty", "", 2);
        yield return ("string spaces", "  \t leading and trailing \r\n ", 2);
        yield return ("string markup", "<a b=\"c\">'&amp;' ]]> &#65;</a>", 2);
        yield return ("string looks escaped", "_x0041_ _X0041_ _x000041_ __x_ _x _xD83D__xDE00_ _x00000041_", 2);
        yield return ("string FFFF", "a\uffff\ufffeb", 2);
        yield return ("string lone high", "a\ud83db", 2);
        yield return ("string lone low", "a\ude00b", 2);
        yield return ("string swapped", "\ude00\ud83d", 2);
        yield return ("string astral", "a😀b𝔘", 2);
        yield return ("string separators", "\u0085\u2028\u2029\ufeff\u200b", 2);
        for (var start = 0; start < 0x10000; start += 0x1000)
            yield return ($"every character from {start:x4}", new string(Enumerable.Range(start, 0x1000).Select(unit => (char)unit).ToArray()), 2);
        yield return ("string long", new string('x', 200_000), 2);
        var noted = PSObject.AsPSObject(new string("a line of text"));
        noted.Properties.Add(new PSNoteProperty("PSPath", "C:\\x_x.txt"));
        noted.Properties.Add(new PSNoteProperty("ReadCount", 1L));
        yield return ("string with notes", noted, 2);
        var number = PSObject.AsPSObject(42);
        number.Properties.Add(new PSNoteProperty("unit", "kg"));
        yield return ("number with notes", number, 2);
        var date = PSObject.AsPSObject(new DateTime(2024, 1, 2, 3, 4, 5, DateTimeKind.Utc));
        date.Properties.Add(new PSNoteProperty("DisplayHint", 0));
        yield return ("date with notes", date, 2);
    }

    static IEnumerable<(string, object?, int)> Containers()
    {
        yield return ("array", new object?[] { 1, "two", null, 3.0, new object[] { true } }, 3);
        yield return ("array empty", Array.Empty<object>(), 2);
        yield return ("int array", new[] { 1, 2, 3 }, 2);
        yield return ("two dimensions", new[,] { { 1, 2 }, { 3, 4 } }, 2);
        yield return ("ArrayList", new ArrayList { 1, "b" }, 2);
        yield return ("generic list", new List<string> { "a", "b" }, 2);
        yield return ("stack", new Stack(new object[] { 1, 2, 3 }), 2);
        yield return ("generic stack", new Stack<int>([1, 2, 3]), 2);
        yield return ("queue", new Queue(new object[] { 1, 2, 3 }), 2);
        yield return ("generic queue", new Queue<int>([1, 2, 3]), 2);
        yield return ("hashtable", new Hashtable { ["a"] = 1, ["b"] = new Hashtable { ["c"] = null } }, 3);
        yield return ("hashtable odd keys", new Hashtable { [1] = "one", [true] = "yes", [Colours.Red] = "red" }, 2);
        yield return ("ordered", new OrderedDictionary { ["z"] = 1, ["a"] = 2, ["10"] = 3, ["2"] = 4 }, 2);
        yield return ("generic dictionary", new Dictionary<string, int> { ["x_x0041_"] = 1 }, 2);
        yield return ("PSPrimitiveDictionary", new PSPrimitiveDictionary { ["k"] = "v" }, 2);
        yield return ("only enumerable", new OnlyEnumerable(), 2);
        yield return ("hash set", new HashSet<string> { "a", "b" }, 2);
        yield return ("key value pair", new KeyValuePair<string, int>("k", 1), 2);
        var self = new ArrayList { "first" };
        self.Add(self);
        yield return ("list in itself", self, 5);
        var table = new Hashtable { ["name"] = "table" };
        table["self"] = table;
        yield return ("hashtable in itself", table, 5);
        object nested = "bottom";
        for (var level = 0; level < 48; level++) nested = new[] { nested };
        yield return ("48 arrays", nested, 100);
        yield return ("50 arrays", new[] { new[] { nested } }, 100);
        var noted = PSObject.AsPSObject(new ArrayList { 1, 2 });
        noted.Properties.Add(new PSNoteProperty("Note", "x"));
        yield return ("list with notes", noted, 2);
        yield return ("many objects", Enumerable.Range(0, 200).Select(index => (object)new Person { Name = $"p{index}" }).ToArray(), 3);
    }

    static IEnumerable<(string, object?, int)> Objects()
    {
        yield return ("object", new Person(), 2);
        yield return ("object depth 1", new Person { Friend = new Person { Friend = new Person() } }, 1);
        yield return ("object depth 4", new Person { Friend = new Person { Friend = new Person() } }, 4);
        var pair = new Person { Name = "one" };
        pair.Friend = new Person { Name = "two", Friend = pair };
        yield return ("objects in a cycle", pair, 6);
        var shared = new Person { Name = "shared" };
        yield return ("shared object", new object[] { shared, shared, new Person { Friend = shared } }, 4);
        yield return ("enum", DayOfWeek.Friday, 2);
        yield return ("flags", Colours.Red | Colours.Blue, 2);
        yield return ("throwing property", new Thrower(), 2);
        var custom = new PSObject();
        custom.Properties.Add(new PSNoteProperty("b_x0042_", 1));
        custom.Properties.Add(new PSNoteProperty("a<\"&'>", null));
        custom.Properties.Add(new PSNoteProperty("10", "ten"));
        custom.Properties.Add(new PSNoteProperty("2", "two"));
        custom.Properties.Add(new PSNoteProperty("odd\u0001\ud83d\uffff name", "x"));
        yield return ("custom object", custom, 2);
        var self = new PSObject();
        self.Properties.Add(new PSNoteProperty("Self", self));
        yield return ("custom object in itself", self, 3);
        var deep = new PSObject();
        var at = deep;
        for (var level = 0; level < 20; level++)
        {
            var next = new PSObject();
            at.Properties.Add(new PSNoteProperty("Next", next));
            at = next;
        }
        yield return ("custom objects 20 deep", deep, 100);
        var named = new PSObject(new Person());
        named.TypeNames.Insert(0, "My.Own_x0041_Type<T>");
        named.Properties.Add(new PSNoteProperty("Name", "extended wins"));
        yield return ("one name adapted and extended", named, 2);
        var wrapped = new PSObject("text");
        wrapped.Properties.Add(new PSNoteProperty("a", 1));
        var wrapping = new PSObject(wrapped);
        wrapping.Properties.Add(new PSNoteProperty("b", 2));
        yield return ("object around one that came before", new object[] { wrapped, wrapping }, 2);
        var script = new PSObject(new Person());
        script.Properties.Add(new PSScriptProperty("Twice", ScriptBlock.Create("$this.Age * 2")));
        script.Properties.Add(new PSAliasProperty("Called", "Name"));
        script.Members.Add(new PSMemberSet("Set", [new PSNoteProperty("inner", 1)]));
        script.Members.Add(new PSPropertySet("Group", ["Name", "Age"]));
        yield return ("script, alias, member set", script, 2);
        yield return ("exception", new ArgumentException("bad <value>", "name", new InvalidOperationException("inner")), 2);
        yield return ("error record", new ErrorRecord(new InvalidOperationException("broken"), "Id,Cmd", ErrorCategory.InvalidData, new Person()), 2);
        yield return ("warning record", new WarningRecord("careful"), 2);
        yield return ("information record", new InformationRecord("text", "source"), 2);
        yield return ("progress record", new ProgressRecord(3, "activity", "status") { PercentComplete = 40, CurrentOperation = "op", SecondsRemaining = 7 }, 2);
        var secret = new SecureString();
        foreach (var unit in "pässword") secret.AppendChar(unit);
        yield return ("secure string", secret, 2);
        yield return ("credential", new PSCredential("DOMAIN\\user_x", secret), 2);
        yield return ("type", typeof(string), 1);
        yield return ("culture", new System.Globalization.CultureInfo("en-US"), 2);
        yield return ("ip address", System.Net.IPAddress.Parse("10.0.0.1"), 2);
        yield return ("mail address", new System.Net.Mail.MailAddress("a@example.com"), 2);
        yield return ("parameter set metadata", new ParameterMetadata("Name", typeof(string)), 3);
        yield return ("file system", new DirectoryInfo("/"), 1);
    }

    static IEnumerable<(string, object?, int)> Scripts()
    {
        foreach (var (name, script) in new[]
        {
            ("script custom object", "[pscustomobject]@{ z = 1; a = 'x'; nested = [pscustomobject]@{ k = @{ h = 1,2 } } }"),
            ("script error record", "try { 1/0 } catch { $_ }"),
            ("script command info", "Get-Command Get-Command"),
            ("script module", "Get-Module"),
            ("script runspace table", "$PSVersionTable"),
            ("script ordered", "[ordered]@{ one = 1; two = [ordered]@{ three = 3 } }"),
            ("script variables", "Get-Command -Name Where-Object | ForEach-Object { $_.Parameters.Values }"),
            ("script host", "$Host"),
        })
        {
            using var shell = PowerShell.Create(InitialSessionState.CreateDefault2());
            var results = shell.AddScript(script).Invoke();
            yield return (name, results.Count == 1 ? results[0] : results, 2);
        }
    }
}
