using System.Management.Automation;
using System.Text;

namespace Microsoft.PowerShell.Commands;

/// <summary>Paths as the session resolves them, and the error records of the real cmdlets where that fails.</summary>
public static class FilePath
{
    public static void Refuse(PSCmdlet cmdlet, Exception error, string id, ErrorCategory category, object? target) =>
        cmdlet.ThrowTerminatingError(new ErrorRecord(error, id, category, target));

    /// <summary>One file to write; it need not exist.</summary>
    public static string OneOf(PSCmdlet cmdlet, string path, bool literal)
    {
        if (literal || !WildcardPattern.ContainsWildcardCharacters(path)) return cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
        var found = cmdlet.GetResolvedProviderPathFromPSPath(path, out _);
        if (found.Count != 1) Refuse(cmdlet, new PSInvalidOperationException($"Cannot perform operation because the wildcard path {path} did not resolve to a file."), "FileOpenFailure", ErrorCategory.OpenError, path);
        return found[0];
    }

    /// <summary>Files to read. One that does not exist is an error record, and is left out.</summary>
    public static IEnumerable<string> AllOf(PSCmdlet cmdlet, IEnumerable<string> paths, IEnumerable<string> literals)
    {
        foreach (var path in paths)
        {
            IEnumerable<string> found = [];
            try
            {
                found = cmdlet.GetResolvedProviderPathFromPSPath(path, out _);
            }
            catch (ItemNotFoundException)
            {
                Missing(cmdlet, path);
            }
            foreach (var one in found) yield return one;
        }
        foreach (var path in literals)
        {
            var one = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);
            if (File.Exists(one)) yield return one;
            else Missing(cmdlet, path);
        }
    }

    static void Missing(PSCmdlet cmdlet, string path) =>
        cmdlet.WriteError(new ErrorRecord(new ItemNotFoundException($"Cannot find path '{cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path)}' because it does not exist."), "PathNotFound", ErrorCategory.ObjectNotFound, path));

    public static StreamReader? Reader(PSCmdlet cmdlet, string file, object? encoding)
    {
        try
        {
            return new StreamReader(file, TextEncoding.Of(cmdlet, encoding), detectEncodingFromByteOrderMarks: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            var denied = error is UnauthorizedAccessException;
            cmdlet.WriteError(new ErrorRecord(error, denied ? "GetContentReaderUnauthorizedAccessError" : "GetContentReaderIOError", denied ? ErrorCategory.PermissionDenied : ErrorCategory.ReadError, file));
            return null;
        }
    }
}

/// <summary>The names that `-Encoding` takes in PowerShell 7, UTF-8 without a mark by default.</summary>
public static class TextEncoding
{
    public static Encoding Of(PSCmdlet cmdlet, object? given)
    {
        var value = given is PSObject wrapped ? wrapped.BaseObject : given;
        switch (value)
        {
            case null:
                return new UTF8Encoding(false);
            case Encoding encoding:
                return encoding;
            case int page:
                return Encoding.GetEncoding(page);
        }
        return value.ToString()!.ToLowerInvariant() switch
        {
            "utf8" or "utf8nobom" or "default" or "oem" or "ansi" => new UTF8Encoding(false),
            "utf8bom" => new UTF8Encoding(true),
            "unicode" or "string" => new UnicodeEncoding(false, true),
            "bigendianunicode" => new UnicodeEncoding(true, true),
            "utf32" => new UTF32Encoding(false, true),
            "bigendianutf32" => new UTF32Encoding(true, true),
            "ascii" => Encoding.ASCII,
            "byte" => throw new PSArgumentException("Cannot process argument transformation on parameter 'Encoding'. 'Byte' is not a supported encoding name. (PowerShell 7 has -AsByteStream for it.)"),
            var name => Encoding.GetEncoding(name),
        };
    }
}
